"""Options that several commands share."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simctl.cli.errors import UserError

if TYPE_CHECKING:
    from simctl.bus.broker import Broker

RunsDir = Annotated[Path, typer.Option("--runs-dir", metavar="DIR", help="Where runs are kept")]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a key of the recipe; may be repeated"),
]
Run = Annotated[
    str | None,
    typer.Argument(metavar="RUN", help="A run's directory or name (default: the newest)"),
]

Policy = Annotated[str, typer.Argument(metavar="POLICY", help="A directory, 'embedded', or a run")]
Version = Annotated[
    int | None,
    typer.Option(metavar="N", min=0, help="Policy version of a run (default: the last)"),
]

Jobs = Annotated[int, typer.Option(metavar="N", min=1, help="Runs at the same time")]
Seeds = Annotated[
    list[int] | None,
    typer.Option(metavar="N...", min=0, help="Seeds of each arm, as in --seeds 0 1 2"),
]
Out = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Draw it: .png, .svg or .pdf; without a suffix png and svg"),
]

TOOLS = "tensorboard, wandb, trackio or opentelemetry; several with commas"

CaFile = Annotated[
    str | None, typer.Option(metavar="FILE", help="Whom to trust as the broker (TLS)")
]
Cert = Annotated[str | None, typer.Option(metavar="FILE", help="The own certificate (TLS)")]
Key = Annotated[str | None, typer.Option(metavar="FILE", help="The key of that certificate (TLS)")]

BUS = "The broker: mqtt://user@host:port or mqtts://..."
RUNS = Path("runs")
LEASE = 15.0  # seconds


def broker_of(url: str, cafile: str | None, cert: str | None, key: str | None) -> "Broker":
    """Return the broker that a command line names.

    Raises:
        UserError: it is none, or a file for TLS cannot be used.
    """
    from simctl.bus.broker import AddressError, Broker

    try:
        broker = Broker.parse(url, cafile=cafile, cert=cert, key=key)
        broker.tls_context()
    except AddressError as error:
        raise UserError(str(error)) from error
    return broker
