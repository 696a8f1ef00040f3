"""simctl plot."""

from typing import Annotated

import typer

from simctl.cli.commands.options import RUNS, Out, RunsDir


def command(
    runs: Annotated[
        list[str] | None,
        typer.Argument(metavar="RUN...", help="Directories or names of runs (default: the newest)"),
    ] = None,
    *,
    metric: Annotated[
        list[str] | None,
        typer.Option(metavar="SUITE/SCORE", help="A held-out score to show; may be repeated"),
    ] = None,
    out: Out = None,
    runs_dir: RunsDir = RUNS,
) -> None:
    r"""Plot runs: accuracy over tokens and time, rewards, solve rates, diversity, entropy.

    Without --out it is a sketch for the terminal. --out needs the extra simctl\[plot].
    """
    if out is not None:
        from simctl.cli.extras import need

        need("plot", "matplotlib")
    from simctl.cli.draw import draw

    draw(runs or [], metric or [], out, runs_dir)
