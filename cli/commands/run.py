"""simctl run."""

from pathlib import Path
from typing import Annotated

import typer

from simctl.cli.commands.options import RUNS, RunsDir, Sets
from simctl.cli.errors import UserError


def command(  # noqa: PLR0913 - one parameter an option
    recipe: Annotated[
        str | None,
        typer.Argument(metavar="RECIPE", help="A recipe's name or TOML file (default: society)"),
    ] = None,
    *,
    sets: Sets = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Short for --set seed=N")] = None,
    rounds: Annotated[
        int | None, typer.Option(metavar="N", help="Short for --set run.rounds=N")
    ] = None,
    policy: Annotated[
        str | None, typer.Option(metavar="DIR", help="Short for --set policy.path=DIR")
    ] = None,
    run_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where to keep it (default: runs/RECIPE-NNN)")
    ] = None,
    runs_dir: RunsDir = RUNS,
    resume: Annotated[
        str | None, typer.Option(metavar="RUN", help="Go on with a run that did not finish")
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print only where the run is")
    ] = False,
) -> None:
    """Play a society by a recipe, and learn from it.

    Ctrl-C ends it cleanly, and --resume goes on. Exit codes: 0 finished, 1 not finished, 2 misuse.
    """
    new = {
        "RECIPE": recipe, "--set": sets, "--seed": seed, "--rounds": rounds, "--policy": policy,
        "--run-dir": run_dir,
    }  # fmt: skip
    given = [name for name, value in new.items() if value is not None]
    if resume is not None and given:
        raise UserError(f"--resume goes on as the run began: it allows no {', '.join(given)}")

    from simctl.cli.play import play_new, play_on

    if resume is not None:
        code = play_on(resume, runs_dir=runs_dir, quiet=quiet)
    else:
        code = play_new(
            recipe or "society",
            sets=sets or (),
            seed=seed,
            rounds=rounds,
            policy=policy,
            run_dir=run_dir,
            runs_dir=runs_dir,
            quiet=quiet,
        )
    raise typer.Exit(code)
