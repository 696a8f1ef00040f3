"""simctl eval."""

from typing import Annotated

import typer

from simctl.cli.commands.options import RUNS, Policy, RunsDir, Version


def command(  # noqa: PLR0913 - one parameter an option
    policy: Policy,
    *,
    version: Version = None,
    suite: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Measure only this suite; may be repeated"),
    ] = None,
    mode: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND[:KEY=VALUE,...]",
            help="Solve in this mode, such as vote:n=16; may be repeated",
        ),
    ] = None,
    attempts: Annotated[
        int | None,
        typer.Option(metavar="K", min=1, help="Sampled attempts per problem; over 1 gives pass@k"),
    ] = None,
    seed: Annotated[
        int, typer.Option(metavar="N", min=0, help="The dice of the sampled attempts")
    ] = 0,
    runs_dir: RunsDir = RUNS,
) -> None:
    """Measure a policy on held-out problems.

    A problem counts as solved when every step of its derivation is right. With --mode the modes
    stand side by side, with the tokens that each takes for a problem.
    """
    from simctl.cli.measure import measure

    measure(
        policy,
        version,
        suites=suite or [],
        modes=mode or [],
        attempts=attempts,
        seed=seed,
        runs_dir=runs_dir,
    )
