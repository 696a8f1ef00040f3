"""Asks a run's log in SQL, and writes the answer."""

import csv
import io
import json
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table
from rich.text import Text

from simctl.bus.messages import kinds
from simctl.cli.errors import UserError
from simctl.cli.formats import Format
from simctl.cli.opening import open_current
from simctl.cli.runs import find_run, is_run
from simctl.cli.tables import console
from simctl.store.dictionary import EVERYTHING
from simctl.store.errors import QueryError

FRIENDLY = """
SELECT view_name AS name, comment AS holds FROM duckdb_views()
WHERE NOT internal AND comment IS NOT NULL
UNION ALL
SELECT function_name || '(' || array_to_string(parameters, ', ') || ')', comment
FROM duckdb_functions() WHERE NOT internal AND comment IS NOT NULL ORDER BY name
"""
_MORE = """
There is also one view for each kind of event, such as attempt_made or policy_updated, and the
table events that all are read from. Columns: simctl query 'describe tasks'
All of it with what it means: simctl query --explain-schema"""


def answer(
    words: Sequence[str],
    format_: Format,
    output: Path | None,
    runs_dir: Path,
    *,
    explain_schema: bool = False,
) -> None:
    """Answer `[RUN] [SQL]`; without SQL, list the views, or explain everything.

    Raises:
        UserError: there is no such run, or the answer cannot be written so.
        QueryError: the SQL is wrong, not allowed or too expensive.
    """
    run, sql = told(words, runs_dir)
    if explain_schema:
        if sql:
            raise UserError(f"--explain-schema takes a run and no SQL: {sql!r}")
        sql = EVERYTHING
    if format_ is Format.parquet and output is None and sys.stdout.isatty():
        raise UserError("parquet is no text for a terminal: give --output FILE, or redirect it")
    path = find_run(run, runs_dir)
    with open_current(path) as log:
        try:
            table = log.query(sql) if sql else friendly(log.query(FRIENDLY))
        except QueryError as error:
            raise QueryError(_hinted(str(error), sql)) from error
    write(table, format_, output)
    if not sql and sys.stdout.isatty():
        console().print(_MORE, style="dim", highlight=False)


def write(table: pa.Table, format_: Format, output: Path | None) -> None:
    """Write rows to a file, or to standard output."""
    match format_:
        case Format.parquet:
            pq.write_table(table, output or sys.stdout.buffer)
        case Format.csv:
            _text(_csv(table), output)
        case Format.json:
            _text(_json(table), output)
        case Format.markdown:
            _text(_markdown(table), output)
        case Format.table:
            with nullcontext() if output is None else output.open("w", encoding="utf-8") as file:
                _print(table, console(file))


def told(words: Sequence[str], runs_dir: Path) -> tuple[str | None, str]:
    """Return the run and the SQL of what was given; a single word can be either."""
    match words:
        case [run, sql]:
            return run, sql
        case [only] if is_run(Path(only)) or is_run(runs_dir / only):
            return only, ""
        case [sql]:
            return None, sql
        case _:
            return None, ""


def friendly(views: pa.Table) -> pa.Table:
    """Leave out the views that only hold the messages of one kind."""
    rows = [row for row in _rows(views) if row["name"] not in kinds()]
    return pa.Table.from_pylist(rows, schema=views.schema)


def _hinted(message: str, sql: str) -> str:
    if " " not in sql.strip():
        return f"{message}\n{sql!r} is neither a run nor SQL"
    if "does not exist" in message:
        return f"{message}\nsimctl query without SQL lists what can be asked"
    return message


def _text(text: str, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(text)
    else:
        output.write_text(text, encoding="utf-8")


def _json(table: pa.Table) -> str:
    rows = (json.dumps(row, ensure_ascii=False, default=str) for row in _rows(table))
    return "[" + ",\n ".join(rows) + "]\n"


def _csv(table: pa.Table) -> str:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(table.column_names)
    for row in _rows(table):
        rows.writerow([_flat(value) for value in row.values()])
    return text.getvalue()


def _markdown(table: pa.Table) -> str:
    rows = [table.column_names, ["---"] * table.num_columns]
    rows += [[_cell(value).plain for value in row.values()] for row in _rows(table)]
    told = (" | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) for row in rows)
    return "".join(f"| {row} |\n" for row in told)


def _rows(table: pa.Table) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.to_pylist(maps_as_pydicts="strict")
    return rows


def _flat(value: Any) -> Any:
    nested = isinstance(value, dict | list)
    return json.dumps(value, ensure_ascii=False, default=str) if nested else value


def _print(table: pa.Table, screen: Console) -> None:
    shown = Table(box=None, padding=(0, 1), header_style="bold")
    for field in table.schema:
        numeric = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
        number = any(each(field.type) for each in numeric)
        shown.add_column(Text(field.name), justify="right" if number else "left", overflow="fold")
    for row in _rows(table):
        shown.add_row(*(_cell(value) for value in row.values()))
    screen.print(shown, highlight=False)
    if screen.is_terminal:
        screen.print(f"{table.num_rows} row{'' if table.num_rows == 1 else 's'}", style="dim")


def _cell(value: Any) -> Text:
    match value:
        case None:
            return Text("null", "dim")
        case float():
            return Text(f"{value:.6g}")
        case _:
            return Text(str(_flat(value)))
