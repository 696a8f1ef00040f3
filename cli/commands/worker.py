"""simctl worker."""

import os
import socket
from pathlib import Path
from typing import Annotated

import typer

from simctl.bus.roles import ROLES, Role
from simctl.cli.commands.options import BUS, CaFile, Cert, Key, broker_of
from simctl.cli.errors import UserError


def command(  # noqa: PLR0913 - one parameter an option
    *,
    bus: Annotated[str, typer.Option(metavar="URL", help=BUS)],
    roles: Annotated[
        str, typer.Option(metavar="ROLE,...", help="The roles it plays (default: all)")
    ] = ",".join(ROLES),
    run: Annotated[
        str | None, typer.Option(metavar="NAME", help="The run it works for (default: any)")
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Its own name (default: HOST-PID)")
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="The run's policies/, where it is shared (default: fetched from the run)",
        ),
    ] = None,
    capacity: Annotated[
        int, typer.Option(metavar="N", min=1, help="Asks that it takes at a time")
    ] = 64,
    stay: Annotated[
        bool, typer.Option("--stay", help="Wait for the next run when this one ends")
    ] = False,
    cafile: CaFile = None,
    cert: Cert = None,
    key: Key = None,
) -> None:
    """Play roles of a run that is live at an MQTT broker.

    Workers come and go while it runs. Ctrl-C ends one cleanly. Exit codes: 0 the run is over or the
    worker was stopped, 2 misuse or no access.
    """
    from simctl.bus.broker import is_client

    named = name or _default_name()
    if not is_client(named):
        raise UserError(
            f"--name {named!r}: letters, digits, dots, dashes and underscores, 64 at most"
        )
    if policy is not None and not policy.is_dir():
        raise UserError(f"--policy {policy} is no directory")
    broker, played = broker_of(bus, cafile, cert, key), _roles(roles)

    from simctl.cli.elsewhere import check

    check(broker)  # before torch is loaded, which takes longer

    from simctl.cli.terms import Terms
    from simctl.cli.worker import say, work

    work(Terms(broker, named, played, capacity, run, policy, stay), say)


def _roles(text: str) -> tuple[Role, ...]:
    wanted = [each.strip() for each in text.split(",")]
    unknown = [each for each in wanted if each not in ROLES]
    if unknown:
        raise UserError(f"--roles: {unknown[0]!r} is no role; there are {', '.join(ROLES)}")
    return tuple(role for role in ROLES if role in wanted)


def _default_name() -> str:
    from simctl.bus.broker import is_client

    host = "".join(c if is_client(c) else "-" for c in socket.gethostname())
    return f"{host[:50]}-{os.getpid()}"
