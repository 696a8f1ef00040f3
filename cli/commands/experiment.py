"""simctl experiment."""

from pathlib import Path
from typing import Annotated

import typer

from simctl.cli.commands.options import Jobs, Out, Seeds
from simctl.cli.errors import UserError


def command(  # noqa: PLR0913 - one parameter an option
    words: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="An experiment's name or TOML file")
    ] = None,
    *,
    listed: Annotated[bool, typer.Option("--list", help="List the experiments")] = False,
    jobs: Jobs = 1,
    seeds: Seeds = None,
    tokens: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Another budget than the experiment's")
    ] = None,
    directory: Annotated[
        Path | None,
        typer.Option("--dir", metavar="DIR", help="Where its runs are (runs/experiments/NAME-N)"),
    ] = None,
    out: Out = None,
) -> None:
    """Put a claim of the literature to the test: confirmed, refuted or inconclusive.

    Plays what is missing and prints the verdict with the paired intervals behind it. Exit codes:
    0 all was played, whatever the verdict; 1 a run failed; 2 misuse.
    """
    from simctl.cli.extras import need

    if listed:
        from simctl.cli.listing import list_experiments

        list_experiments()
        return
    need("plot", "scipy", "matplotlib")
    from simctl.cli.seeds import told
    from simctl.cli.trialling import put_to_test

    names, chosen = told(words or (), seeds or ())
    if len(names) != 1:
        raise UserError("name one experiment; simctl experiment --list has them")
    code = put_to_test(
        names[0], jobs=jobs, seeds=chosen, tokens=tokens, directory=directory, out=out
    )
    raise typer.Exit(code)
