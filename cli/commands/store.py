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
