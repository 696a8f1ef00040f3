"""simctl store."""

from typing import Annotated

import typer

from simctl.cli.commands.options import RUNS, Run, RunsDir

app = typer.Typer(help="Seal, check or repair the log of a run.", no_args_is_help=True)


@app.command("seal")
def seal(
    run: Run = None,
    *,
    rows: Annotated[
        int, typer.Option("--rows", metavar="N", min=1, help="Most events in a segment")
    ] = 1_000_000,
    runs_dir: RunsDir = RUNS,
) -> None:
    """Write what is new in a log to Parquet segments, which any tool reads.

    They lie in RUN/segments with a manifest of their hashes. A live run can be sealed, too.
    """
    from simctl.cli.seal import seal

    seal(run, rows, runs_dir)


@app.command("check")
def check(run: Run = None, *, runs_dir: RunsDir = RUNS) -> None:
    """Look at everything that a log promises: order, hashes, policies, views and segments.

    Works on a live run, too. Exit codes: 0 whole, 1 damaged, 2 misuse.
    """
    from simctl.cli.check import check_run

    raise typer.Exit(check_run(run, runs_dir))


@app.command("repair")
def repair(run: Run = None, *, runs_dir: RunsDir = RUNS) -> None:
    """Go back to the longest whole beginning of a damaged log, and count what is lost.

    Everything is copied to RUN/damaged-1 first. A whole log is left as it is.
    """
    from simctl.cli.repair import repair_run

    repair_run(run, runs_dir)
