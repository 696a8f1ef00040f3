"""simctl train."""

from pathlib import Path
from typing import Annotated

import typer

from simctl.cli.commands.options import RUNS, RunsDir, Sets


def command(  # noqa: PLR0913 - one parameter an option
    run: Annotated[str, typer.Option("--from", metavar="RUN", help="The run to learn from")],
    *,
    recipe: Annotated[
        str | None,
        typer.Option(metavar="RECIPE", help="Learn by this recipe, not by the run's own"),
    ] = None,
    sets: Sets = None,
    rewards: Annotated[
        str | None,
        typer.Option(metavar="V", help="Learn from the grades of this verifier of simctl rescore"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep the new policies; must not exist yet")
    ] = None,
    runs_dir: RunsDir = RUNS,
) -> None:
    """Learn again from a run's log, without sampling anything.

    By the run's own recipe the weights must come out as they were; exit code 1 if they do not.
    """
    from simctl.cli.relearn import relearn

    code = relearn(run, recipe, sets or [], rewards=rewards, out=out, runs_dir=runs_dir)
    raise typer.Exit(code)
