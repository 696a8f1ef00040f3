"""simctl export."""

from pathlib import Path
from typing import Annotated

import typer

from simctl.bus.roles import ROLES
from simctl.cli.commands.options import RUNS, Run, RunsDir
from simctl.cli.errors import UserError, in_words
from simctl.cli.export.choices import File, Form


def command(  # noqa: PLR0913 - one parameter an option
    run: Run = None,
    *,
    format_: Annotated[
        Form, typer.Option("--format", "-f", help="prompt and completion, chosen and rejected, ...")
    ],
    where: Annotated[
        str, typer.Option(metavar="SQL", help="Condition on answers, as in: difficulty > 4")
    ] = "",
    role: Annotated[
        list[str] | None,
        typer.Option(metavar="ROLE", help="Whose answers; may be repeated (default: all)"),
    ] = None,
    threshold: Annotated[float, typer.Option(metavar="R", help="Least reward if right")] = 1.0,
    pairs: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Most pairs of one prompt (default: every pair)"),
    ] = None,
    conversational: Annotated[
        bool, typer.Option("--conversational", help="Messages of user and assistant, not texts")
    ] = False,
    file: Annotated[File, typer.Option(help="How rows are written")] = "parquet",
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where to (default: RUN-FORMAT here)")
    ] = None,
    runs_dir: RunsDir = RUNS,
) -> None:
    """Export what models were shown and said to a Hugging Face dataset.

    A live run can be exported, too. The dataset's card says what its columns and rows are.
    """
    from simctl.cli.export.dataset import export_run
    from simctl.cli.export.wanted import Wanted

    unknown = [each for each in role or () if each not in ROLES]
    if unknown:
        raise UserError(f"--role {unknown[0]} is no role; it must be {in_words(list(ROLES))}")
    wanted = Wanted(
        form=format_,
        where=where,
        roles=tuple(each for each in ROLES if each in (role or ())),
        threshold=threshold,
        pairs=pairs,
        file=file,
        conversational=conversational,
    )
    export_run(run, wanted, out, runs_dir)
