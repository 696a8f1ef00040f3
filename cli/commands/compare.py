"""simctl compare."""

from pathlib import Path
from typing import Annotated

import typer

from simctl.cli.commands.options import Jobs, Out, Seeds, Sets
from simctl.cli.formats import Format


def command(  # noqa: PLR0913 - one parameter an option
    arms: Annotated[
        list[str],
        typer.Argument(
            metavar="RECIPE[:KEY=VALUE,...]...", help="Recipes, changed, or RECIPE:ARM of its own"
        ),
    ],
    *,
    tokens: Annotated[
        int, typer.Option(metavar="N", min=1, help="Budget of each run, sampled and scored again")
    ],
    seeds: Seeds = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(metavar="SUITE/SCORE", help="What counts (default: targets/sampled)"),
    ] = None,
    jobs: Jobs = 1,
    sets: Sets = None,
    policy: Annotated[
        str | None, typer.Option(metavar="DIR", help="Short for --set policy.path=DIR")
    ] = None,
    directory: Annotated[
        Path | None,
        typer.Option("--dir", metavar="DIR", help="Where its runs are (runs/compare/tokens-N)"),
    ] = None,
    format_: Annotated[
        Format, typer.Option("--format", "-f", help="How the answer is written")
    ] = Format.table,
    out: Out = None,
) -> None:
    """Compare recipes over the same seeds and one budget of tokens.

    Finished runs are not played again, broken-off ones go on. --metric may be repeated.
    """
    from simctl.cli.extras import need

    need("plot", "scipy", "matplotlib")
    from simctl.cli.compare import Manner, compare
    from simctl.cli.plot import files
    from simctl.cli.toml import literal

    policies = [] if policy is None else [f"policy.path={literal(policy)}"]
    code = compare(
        arms,
        seeds=seeds or (),
        tokens=tokens,
        metrics=metric or ["targets/sampled"],
        directory=directory,
        sets=[*(sets or ()), *policies],
        manner=Manner(jobs, format_, files(out)),
    )
    raise typer.Exit(code)
