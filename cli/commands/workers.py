"""simctl workers."""

from typing import Annotated

import typer

from simctl.cli.commands.options import RUNS, Run, RunsDir
from simctl.cli.formats import Page


def command(
    run: Run = None,
    *,
    format_: Annotated[
        Page, typer.Option("--format", "-f", help="How the answer is written")
    ] = Page.text,
    runs_dir: RunsDir = RUNS,
) -> None:
    """List the workers of a run: who is there, what they hold, and their rates."""
    from simctl.cli.workers import list_workers

    list_workers(run, format_, runs_dir)
