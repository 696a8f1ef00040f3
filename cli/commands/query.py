"""simctl query."""

from pathlib import Path
from typing import Annotated

import typer

from simctl.cli.commands.options import RUNS, RunsDir
from simctl.cli.formats import Format


def command(  # noqa: PLR0913 - one parameter an option
    run: Annotated[
        str | None, typer.Argument(metavar="RUN", help="A run; may be left out for the newest")
    ] = None,
    sql: Annotated[str | None, typer.Argument(metavar="SQL", help="One SELECT, in quotes")] = None,
    *,
    format_: Annotated[
        Format, typer.Option("--format", "-f", help="How the answer is written")
    ] = Format.table,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to a file")
    ] = None,
    interactive: Annotated[
        bool, typer.Option("--interactive", "-i", help="Ask one thing after another")
    ] = False,
    explain_schema: Annotated[
        bool,
        typer.Option("--explain-schema", help="List every view, macro and column with its sense"),
    ] = False,
    runs_dir: RunsDir = RUNS,
) -> None:
    """Ask a run's log in SQL, while it is live or afterwards.

    Without SQL it lists what can be asked. The log cannot be changed by a query.
    """
    words = [each for each in (run, sql) if each is not None]
    if interactive:
        from simctl.cli.shell import ask

        ask(words, format_, runs_dir)
        return
    from simctl.cli.query import answer

    answer(words, format_, output, runs_dir, explain_schema=explain_schema)
