"""simctl doctor."""

import typer

from simctl.cli.commands.options import RUNS, RunsDir


def command(runs_dir: RunsDir = RUNS) -> None:
    """Check this machine: versions, numbers, disk and embedded policy."""
    from simctl.cli.doctor import examine

    raise typer.Exit(examine(runs_dir))
