"""simctl replay."""

from typing import Annotated

import typer

from simctl.cli.commands.options import RUNS, Run, RunsDir


def command(
    run: Run = None,
    *,
    episode: Annotated[
        str | None, typer.Option(metavar="NAME", help="Show who said what in an episode: e1.000")
    ] = None,
    until: Annotated[
        int | None, typer.Option(metavar="SEQ", min=0, help="Stop after this event of the log")
    ] = None,
    runs_dir: RunsDir = RUNS,
) -> None:
    """Read a log again: its rounds or one episode, and the state.

    The state is folded from the events up to --until, and its hash is the same on every machine.
    """
    from simctl.cli.replay import replay

    replay(run, episode, until, runs_dir)
