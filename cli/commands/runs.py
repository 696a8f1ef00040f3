"""simctl runs."""

from simctl.cli.commands.options import RUNS, RunsDir


def command(runs_dir: RunsDir = RUNS) -> None:
    """List runs with state, progress and accuracy, the newest first."""
    from simctl.cli.listing import list_runs

    list_runs(runs_dir)
