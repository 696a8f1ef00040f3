"""simctl verify."""

from typing import Annotated

import typer

from simctl.cli.commands.options import RUNS, Run, RunsDir
from simctl.cli.parts import Part


def command(
    run: Run = None,
    *,
    only: Annotated[
        Part | None, typer.Option(help="Take the work of the other as it was recorded")
    ] = None,
    runs_dir: RunsDir = RUNS,
) -> None:
    """Do a run's work once more, and compare every event and all weights with its log.

    The model's answers come from the log. Exit code 1 with the first divergence where one is found.
    """
    from simctl.cli.verify import verify

    raise typer.Exit(verify(run, only, runs_dir))
