"""simctl serve."""

from pathlib import Path
from typing import Annotated

import typer

from simctl.cli.commands.options import RUNS


def command(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(metavar="RUNS", help="Runs, or directories of runs (default: runs)"),
    ] = None,
    *,
    host: Annotated[
        str, typer.Option(metavar="HOST", help="Address to listen on; another needs --token")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(metavar="N", min=0, max=65535, help="Port to listen on; 0 for any")
    ] = 7070,
    token: Annotated[
        str,
        typer.Option(
            metavar="TEXT", envvar="SIMCTL_TOKEN", help="Let in only who knows this secret"
        ),
    ] = "",
    show: Annotated[bool, typer.Option("--open", help="Open the page in a browser")] = False,
) -> None:
    """Show runs on a local web page: curves, the society, episodes, causes, SQL, comparisons.

    It reads logs, live or not, and writes nothing. Nothing is fetched from the network. Ctrl-C
    ends it.
    """
    from simctl.cli.serve.server import serve

    serve(runs or [RUNS], host, port, token, show=show)
