"""simctl school."""

from pathlib import Path
from typing import Annotated

import typer

from simctl.cli.errors import UserError

_QUICK_QUESTIONS = 20


def command(
    seed: Annotated[
        int, typer.Option(min=0, help="The dice of weights and lessons; 1 made the embedded policy")
    ] = 1,
    *,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where to keep it (default: school-SEED)")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Make a tiny one, which is not held to the gates")
    ] = False,
    gates_only: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Make none: measure the policy in DIR")
    ] = None,
    leaks: Annotated[
        bool, typer.Option("--leaks", help="Measure also what rehearsal teaches the solver")
    ] = False,
) -> None:
    """Make the embedded policy from nothing, and measure whether it passes its gates.

    A seed gives the same weights each time on one kind of machine. Exit code 1 if a gate fails.
    """
    if gates_only is not None and (out is not None or quick):
        raise UserError("--gates-only makes no policy: it allows neither --out nor --quick")

    from simctl.cli.gates import QUESTIONS, gates
    from simctl.cli.school import make
    from simctl.trainer.school.settings import QUICK, SchoolSettings

    policy = gates_only or out or Path(f"school-{seed}")
    if gates_only is None:
        make(seed, policy, QUICK if quick else SchoolSettings())
    passed = gates(policy, leaks=leaks, questions=_QUICK_QUESTIONS if quick else QUESTIONS)
    raise typer.Exit(0 if passed or quick else 1)
