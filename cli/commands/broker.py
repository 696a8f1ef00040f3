"""simctl broker."""

from pathlib import Path
from typing import Annotated

import typer


def command(  # noqa: PLR0913 - one parameter an option
    *,
    directory: Annotated[
        Path, typer.Option("--dir", metavar="DIR", help="Where its files and passwords are kept")
    ] = Path("broker"),
    host: Annotated[
        str, typer.Option(metavar="HOST", help="Address to listen on; another needs --cert")
    ] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, max=65535, help="Port to listen on (default: 1883, with TLS 8883)"
        ),
    ] = None,
    user: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME:ROLE", help="One more owner, worker or reader; may be repeated"),
    ] = None,
    cert: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Speak TLS with this certificate")
    ] = None,
    key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Private key of the certificate")
    ] = None,
    cafile: Annotated[
        Path | None, typer.Option(metavar="FILE", help="CA that signs certificates of clients")
    ] = None,
    require_certificate: Annotated[
        bool, typer.Option("--require-certificate", help="Refuse clients without a certificate")
    ] = False,
) -> None:
    """Run an MQTT broker for societies of several processes: mosquitto, set up safely.

    Users and passwords are made once and kept. Ctrl-C ends it cleanly. Exit codes: 0 ended, 1 it
    ended by itself, 2 misuse.
    """
    from simctl.cli.broker.configuration import Listener
    from simctl.cli.broker.host import host as host_

    listener = Listener(
        host=host,
        port=port or (8883 if cert else 1883),
        cert=cert,
        key=key,
        cafile=cafile,
        require_certificate=require_certificate,
    )
    raise typer.Exit(host_(directory, listener, user or ()))
