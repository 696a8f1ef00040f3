"""simctl run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simctl.cli.commands.options import (
    BUS,
    LEASE,
    RUNS,
    TOOLS,
    CaFile,
    Cert,
    Key,
    RunsDir,
    Sets,
    broker_of,
)
from simctl.cli.errors import UserError

Seed = Annotated[int | None, typer.Option(metavar="N", help="Short for --set seed=N")]
NumberOfRounds = Annotated[
    int | None, typer.Option(metavar="N", help="Short for --set run.rounds=N")
]
Bus = Annotated[str | None, typer.Option(metavar="URL", help=f"{BUS}")]
OnCluster = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="URL",
        help="Ray keeps the workers and the trainer: ray://local or ray://HOST:PORT?workers=4&gpus=1",
    ),
]
Lease = Annotated[
    float,
    typer.Option(metavar="SECONDS", min=1, help="Silence after which a worker's asks go to others"),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print only where the run is")]
Policy = Annotated[
    str | None, typer.Option(metavar="MODEL", help="Short for --set policy.path=MODEL")
]
Engine = Annotated[
    str | None, typer.Option(metavar="NAME", help="Short for --set sampler.engine=NAME")
]
RunDir = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Where to keep it (default: runs/RECIPE-NNN)")
]
ReportTo = Annotated[list[str] | None, typer.Option(metavar="TOOL", help=f"Report it to {TOOLS}")]

if TYPE_CHECKING:
    from simctl.cli.reach import Reach


def command(  # noqa: PLR0913 - one parameter an option
    recipe: Annotated[
        str | None,
        typer.Argument(metavar="RECIPE", help="A recipe's name or TOML file (default: society)"),
    ] = None,
    *,
    sets: Sets = None,
    seed: Seed = None,
    rounds: NumberOfRounds = None,
    policy: Policy = None,
    engine: Engine = None,
    run_dir: RunDir = None,
    runs_dir: RunsDir = RUNS,
    resume: Annotated[
        str | None, typer.Option(metavar="RUN", help="Go on with a run that did not finish")
    ] = None,
    bus: Bus = None,
    cluster: OnCluster = None,
    lease: Lease = LEASE,
    cafile: CaFile = None,
    cert: Cert = None,
    key: Key = None,
    report_to: ReportTo = None,
    quiet: Quiet = False,
) -> None:
    """Play a society by a recipe, and learn from it; with --bus or --cluster, workers play it.

    Ctrl-C ends it cleanly, and --resume goes on. Exit codes: 0 finished, 1 not finished, 2 misuse.
    """
    new = {
        "RECIPE": recipe, "--set": sets, "--seed": seed, "--rounds": rounds, "--policy": policy,
        "--engine": engine, "--run-dir": run_dir,
    }  # fmt: skip
    given = [name for name, value in new.items() if value is not None]
    if resume is not None and given:
        raise UserError(f"--resume goes on as the run began: it allows no {', '.join(given)}")

    reach = _reach(bus, cluster, lease, (cafile, cert, key))

    from simctl.cli.play import play_new, play_on
    from simctl.cli.report.tools import named

    tools = named(report_to or ())
    if resume is not None:
        code = play_on(resume, runs_dir=runs_dir, quiet=quiet, reach=reach, tools=tools)
    else:
        code = play_new(
            recipe or "society",
            sets=sets or (),
            seed=seed,
            rounds=rounds,
            policy=policy,
            engine=engine,
            run_dir=run_dir,
            runs_dir=runs_dir,
            quiet=quiet,
            reach=reach,
            tools=tools,
        )
    raise typer.Exit(code)


def _reach(
    bus: str | None, cluster: str | None, lease: float, files: tuple[str | None, ...]
) -> "Reach | None":
    """Return how workers are reached, if the roles are theirs to play."""
    if bus is None and any(files):
        raise UserError("--cafile, --cert and --key are for --bus mqtts://...")
    if bus is None and cluster is None:
        return None

    from simctl.cli.cluster.address import Cluster
    from simctl.cli.reach import Reach

    wanted = Cluster.parse(cluster) if cluster is not None else None
    return Reach(broker_of(bus, *files) if bus else None, lease, wanted)
