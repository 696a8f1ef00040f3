"""simctl rescore."""

from typing import Annotated

import typer

from simctl.cli.commands.options import RUNS, Run, RunsDir


def command(
    run: Run = None,
    *,
    verifier: Annotated[
        str,
        typer.Option(metavar="V", help="correct, progress, final, or FILE.py:FUNCTION of your own"),
    ],
    runs_dir: RunsDir = RUNS,
) -> None:
    """Grade the solutions of a run once more, beside the grades that it has.

    FUNCTION(problem, answer) returns a number, or a dict of numbers with the key "reward". The view
    rescored holds both grades, and simctl train --rewards V learns from the new ones.
    """
    from simctl.cli.rescore import rescore

    rescore(run, verifier, runs_dir)
