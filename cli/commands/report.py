"""simctl report."""

from typing import Annotated

import typer

from simctl.cli.commands.options import RUNS, TOOLS, Run, RunsDir
from simctl.cli.errors import UserError


def command(
    run: Run = None,
    *,
    to: Annotated[list[str], typer.Option(metavar="TOOL", help=TOOLS)],
    endpoint: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Where a collector of traces listens"),
    ] = None,
    runs_dir: RunsDir = RUNS,
) -> None:
    """Report a run to TensorBoard, W&B, Trackio or an OpenTelemetry collector.

    A live run is followed to its end. A tool is told nothing twice, so it can be called again.
    Exit codes: 0 each has all, 1 one has not, 2 misuse, 130 Ctrl-C.
    """
    from simctl.cli.report.report import report
    from simctl.cli.report.tools import named

    tools = named(to)
    if not tools:
        raise UserError("--to names no tool")
    if endpoint is not None and "opentelemetry" not in tools:
        raise UserError("--endpoint is for --to opentelemetry")
    raise typer.Exit(report(run, tools, endpoint, runs_dir))
