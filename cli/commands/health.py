"""simctl health."""

from typing import Annotated

import typer

from simctl.cli.commands.options import RUNS, Run, RunsDir
from simctl.cli.formats import Page


def command(
    run: Run = None,
    *,
    round_: Annotated[
        int | None,
        typer.Option("--round", metavar="N", min=1, help="As the run stood after round N"),
    ] = None,
    format_: Annotated[
        Page, typer.Option("--format", "-f", help="How the answer is written")
    ] = Page.text,
    runs_dir: RunsDir = RUNS,
) -> None:
    """Tell whether a run is healthy, what is wrong and probably why, and the SQL that shows it.

    It works while the run is live, afterwards, and on logs of runs that were not measured.
    """
    from simctl.cli.health import tell

    tell(run, round_, format_, runs_dir)
