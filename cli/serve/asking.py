"""Asking: SQL from the page, behind the guards that every question has, and what can be asked."""

import math
from typing import Any

import pyarrow as pa

from simctl.cli.cut import Log
from simctl.cli.query import FRIENDLY, friendly

MOST = 10_000  # rows of an answer: a table on a page that nobody reads to its end
_EXACT = 2**53  # beyond it a page rounds whole numbers
_COLUMNS = """
SELECT table_name AS name, list(column_name ORDER BY column_index) AS columns
FROM duckdb_columns() WHERE NOT internal GROUP BY table_name
"""


def ask(log: Log, sql: str) -> dict[str, Any]:
    """Answer one read-only statement: the columns with their types, and the rows.

    Raises:
        QueryError: it is wrong, not allowed or too expensive.
    """
    table = log.query(sql, max_rows=MOST)
    columns = [{"name": each.name, "type": str(each.type)} for each in table.schema]
    rows = [[_plain(value) for value in row.values()] for row in _rows(table)]
    return {"columns": columns, "rows": rows}


def askable(log: Log) -> list[dict[str, Any]]:
    """Return the views and macros that can be asked, what each holds, and its columns."""
    columns = {row["name"]: row["columns"] for row in log.query(_COLUMNS).to_pylist()}
    views = friendly(log.query(FRIENDLY)).to_pylist()
    return [{**view, "columns": columns.get(view["name"], [])} for view in views]


def _rows(table: pa.Table) -> list[dict[str, Any]]:
    # two columns may have one name, and a row of names would lose one
    names = [str(at) for at in range(table.num_columns)]
    rows: list[dict[str, Any]] = table.rename_columns(names).to_pylist(maps_as_pydicts="lossy")
    return rows


def _plain(value: Any) -> Any:
    """Return what JSON can say of a value, and a page read without rounding it."""
    match value:
        case dict():
            return {str(name): _plain(each) for name, each in value.items()}
        case list():
            return [_plain(each) for each in value]
        case None | bool() | str():
            return value
        case int() if abs(value) <= _EXACT:
            return value
        case float() if math.isfinite(value):
            return value
        case _:
            return str(value)
