"""simctl replay."""

from typing import Annotated

import typer

from simctl.cli.commands.options import RUNS, Run, RunsDir
from simctl.cli.errors import UserError


def command(
    run: Run = None,
    *,
    episode: Annotated[
        str | None, typer.Option(metavar="NAME", help="Show who said what in an episode: e1.000")
    ] = None,
    until: Annotated[
        int | None, typer.Option(metavar="SEQ", min=0, help="Stop after this event of the log")
    ] = None,
    round_: Annotated[
        int | None,
        typer.Option("--round", metavar="N", min=0, help="Stop at the end of this round"),
    ] = None,
    runs_dir: RunsDir = RUNS,
) -> None:
    """Read a log again: its rounds or one episode, and the state.

    The state is folded from the events up to there, and its hash is the same on every machine.
    """
    if until is not None and round_ is not None:
        raise UserError("say where to stop: either --until SEQ or --round N")

    from simctl.cli.replay import replay

    replay(run, episode, until, round_, runs_dir)
