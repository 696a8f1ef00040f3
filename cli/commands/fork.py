"""simctl fork."""

from pathlib import Path
from typing import Annotated

import typer

from simctl.cli.commands.options import RUNS, RunsDir, Sets
from simctl.cli.errors import UserError


def command(  # noqa: PLR0913 - one parameter an option
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's directory or name")],
    *,
    at: Annotated[
        int | None, typer.Option(metavar="SEQ", help="Leave the run after this event of its log")
    ] = None,
    round_: Annotated[
        int | None,
        typer.Option("--round", metavar="N", min=0, help="Leave it at the end of this round"),
    ] = None,
    sets: Sets = None,
    rounds: Annotated[
        int | None, typer.Option(metavar="N", help="Short for --set run.rounds=N")
    ] = None,
    run_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where to keep it (default: runs/RECIPE-NNN)")
    ] = None,
    runs_dir: RunsDir = RUNS,
    only_create: Annotated[
        bool, typer.Option("--only-create", help="Do not play it yet; simctl run --resume does")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print only where the fork is")
    ] = False,
) -> None:
    """Let a run go another way from an event on.

    The fork has the run's log and policy up to there; the run stays as it is, live or not.
    With another recipe it begins between two rounds, at the last such place before the event.
    """
    if (at is None) == (round_ is None):
        raise UserError("say where to leave the run: either --at SEQ or --round N")

    from simctl.cli.fork import fork

    changes = [*(sets or ()), *([] if rounds is None else [f"run.rounds={rounds}"])]
    raise typer.Exit(
        fork(
            run,
            at=at,
            round_=round_,
            sets=changes,
            run_dir=run_dir,
            runs_dir=runs_dir,
            only_create=only_create,
            quiet=quiet,
        )
    )
