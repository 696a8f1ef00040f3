"""simctl open."""

from pathlib import Path
from typing import Annotated

import typer

from simctl.cli.commands.options import RUNS, RunsDir


def command(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="What simctl bundle made")],
    *,
    run_dir: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where to keep the run (default: runs/ and its name)"),
    ] = None,
    runs_dir: RunsDir = RUNS,
) -> None:
    """Make a run from a bundle, after every hash in it was checked.

    It replays, answers, verifies and goes on like the run that was bundled.
    """
    from simctl.cli.bundle import open_bundle

    open_bundle(bundle, run_dir, runs_dir)
