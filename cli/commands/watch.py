"""simctl watch."""

import typer

from simctl.cli.commands.options import RUNS, Run, RunsDir


def command(run: Run = None, *, runs_dir: RunsDir = RUNS) -> None:
    """Watch a live run from another shell, as simctl run shows it.

    Ctrl-C ends the watching, never the run. Of a run that is not live it tells how it ended.
    Exit codes: 0 the run finished, 1 it did not, 2 misuse, 130 Ctrl-C.
    """
    from simctl.cli.watch import watch

    raise typer.Exit(watch(run, runs_dir))
