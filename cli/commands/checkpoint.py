"""simctl checkpoint."""

from pathlib import Path
from typing import Annotated

import typer

from simctl.cli.commands.options import RUNS, Run, RunsDir
from simctl.cli.errors import UserError


def command(  # noqa: PLR0913 - one parameter an option
    run: Run = None,
    *,
    step: Annotated[
        list[int] | None,
        typer.Option(metavar="N", min=0, help="Which version; may be repeated (default: the last)"),
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every version that the run has")] = False,
    link: Annotated[
        bool, typer.Option("--link", help="Share the run's files, which then nobody may change")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where to (default: RUN-checkpoints here)")
    ] = None,
    runs_dir: RunsDir = RUNS,
) -> None:
    """Lay a policy version out as checkpoint-N, for transformers, TRL and the Hub.

    With weights, tokenizer, trainer_state.json, the recipe and a model card.
    """
    from simctl.cli.checkpoint.layout import Wanted, lay_out_run

    if all_ and step:
        raise UserError("--all makes every checkpoint: it allows no --step")
    wanted = Wanted(steps=tuple(step or ()), every=all_, link=link)
    lay_out_run(run, wanted, out, runs_dir)
