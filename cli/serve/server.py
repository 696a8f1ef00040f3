"""The server: the page on an address of this machine, until Ctrl-C."""

import asyncio
import sys
import webbrowser
from pathlib import Path

import uvicorn

from simctl.cli.errors import UserError
from simctl.cli.listening import listen, url
from simctl.cli.serve.application import application
from simctl.cli.serve.guard import LOOPBACK, Guard
from simctl.cli.serve.lender import Lender
from simctl.cli.serve.shelf import Shelf

_LEAST_TOKEN = 16  # characters: what can be guessed is no secret


def serve(places: list[Path], host: str, port: int, token: str, *, show: bool) -> None:
    """Serve a page about runs; return when Ctrl-C ends it.

    Raises:
        UserError: a place is not there, others could reach the page without a token, the token can
            be guessed, or the port is taken.
    """
    if host not in LOOPBACK and not token:
        raise UserError(
            f"--host {host} lets other machines ask this page, and it shows all that was said: "
            "give a --token (or SIMCTL_TOKEN), or leave --host out"
        )
    if token and len(token) < _LEAST_TOKEN:
        raise UserError(
            f"the token has {len(token)} characters and could be guessed: {_LEAST_TOKEN} or more; "
            "openssl rand -hex 16 makes one"
        )
    shelf = Shelf(places)
    listening = listen(host, port)
    config = uvicorn.Config(
        Guard(application(shelf, Lender()), token),
        log_config=None,
        access_log=False,
        lifespan="off",
    )
    address = f"{url(listening)}/" + (f"?token={token}" if token else "")
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()
    sys.stderr.write(f"{len(shelf.runs)} runs; Ctrl-C ends the page, never a run\n")
    if show:
        webbrowser.open(address)
    try:
        asyncio.run(uvicorn.Server(config).serve(sockets=[listening]))
    except KeyboardInterrupt:  # uvicorn raises it again once it has ended
        return
