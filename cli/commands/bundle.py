"""simctl bundle."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from simctl.cli.commands.options import RUNS, Run, RunsDir


def command(
    run: Run = None,
    *,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where to (default: RUN.simctl here)"),
    ] = None,
    policies: Annotated[
        Literal["all", "ends", "none"],
        typer.Option(help="Policy versions to take along; ends: the first and the last two"),
    ] = "ends",
    runs_dir: RunsDir = RUNS,
) -> None:
    """Put a run into one file that another machine can replay.

    It holds recipe, events and policies, with a hash for each. A live run can be bundled, too.
    """
    from simctl.cli.bundle import bundle_run

    bundle_run(run, output, policies, runs_dir)
