"""simctl diff."""

from typing import Annotated

import typer

from simctl.cli.commands.options import RUNS, RunsDir


def command(
    one: Annotated[str, typer.Argument(metavar="A", help="A run's directory or name")],
    other: Annotated[str, typer.Argument(metavar="B", help="Another's")],
    *,
    runs_dir: RunsDir = RUNS,
) -> None:
    """Find the first event where two runs part, and what differs after it.

    Exit code 0 if they are equal, 1 if they differ. Runs may be live.
    """
    from simctl.cli.diff import diff

    raise typer.Exit(diff(one, other, runs_dir))
