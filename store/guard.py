"""The guard of queries: tells one statement that only reads from all others, by its syntax tree.

What a statement is called tells too little: EXPLAIN ANALYZE runs what it explains, a CTE may hold
a COPY that is typed as SELECT, and a file that DuckDB has open may be read and overwritten although
all other files are out of reach.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import duckdb

from simctl.store.database import Connection
from simctl.store.errors import QueryError

_EXPLAIN = re.compile(
    r"\s*explain\s+(?:analy[sz]e\s+)?(?:\(\s*(?:analy[sz]e|format)\b[\w\s,]*\)\s*)?", re.IGNORECASE
)
_READING = frozenset(("SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"))
# of the functions that stand in FROM, those that neither act nor leave the log
_TABLES = frozenset(
    (
        "duckdb_columns",
        "duckdb_constraints",
        "duckdb_functions",
        "duckdb_keywords",
        "duckdb_memory",
        "duckdb_schemas",
        "duckdb_settings",
        "duckdb_tables",
        "duckdb_types",
        "duckdb_views",
        "generate_series",
        "histogram",
        "histogram_values",
        "json_each",
        "json_tree",
        "pg_timezone_names",
        "pragma_database_size",
        "pragma_storage_info",
        "pragma_table_info",
        "pragma_version",
        "range",
        "repeat",
        "repeat_row",
        "summary",
        "unnest",
    )
)
# they act, or cannot be stopped while they work through one long value
_REFUSED = frozenset(
    (
        "array_reduce",
        "damerau_levenshtein",
        "editdist3",
        "jaro_similarity",
        "jaro_winkler_similarity",
        "json_serialize_plan",
        "levenshtein",
        "list_reduce",
        "reduce",
        "write_log",
    )
)
_OWN = "SELECT 1 FROM duckdb_functions() WHERE function_name = ? AND NOT internal"
_LONGEST = 65_536  # characters: DuckDB cannot be stopped while it reads a statement
_ONLY = "only SELECT, DESCRIBE, SHOW, SUMMARIZE and EXPLAIN of these are allowed"


def check(cursor: Connection, sql: str) -> None:
    """Refuse everything but one statement that reads.

    Raises:
        QueryError: it is not allowed.
    """
    if len(sql) > _LONGEST:
        raise QueryError(f"{len(sql)} characters are more than the {_LONGEST} of a statement")
    statements = cursor.extract_statements(sql)
    if len(statements) != 1:
        raise QueryError(f"one statement at a time: this is {len(statements)}")
    kind = statements[0].type
    if kind == duckdb.StatementType.MULTI:
        raise QueryError("a PIVOT must name its values: PIVOT ... ON column IN ('a', 'b')")
    if kind == duckdb.StatementType.EXPLAIN:
        sql = _EXPLAIN.sub("", sql, count=1)
    elif kind != duckdb.StatementType.SELECT:
        raise QueryError(f"{_ONLY}: this is {str(kind).rsplit('.', maxsplit=1)[-1]}")
    for node in _nodes(_tree(cursor, sql)):
        _check_node(cursor, node)


def _tree(cursor: Connection, sql: str) -> Any:
    """Return the syntax tree of a SELECT."""
    [text] = cursor.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchone() or [""]
    try:
        tree = json.loads(text)
    except RecursionError as error:
        raise QueryError("nested too deeply: write it with fewer brackets") from error
    if tree["error"] or len(tree["statements"]) != 1:
        raise QueryError(f"{_ONLY}: {tree.get('error_message', 'this is none')}")
    return tree["statements"][0]


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def _check_node(cursor: Connection, node: dict[str, Any]) -> None:
    kind = node.get("type")
    if isinstance(kind, str) and kind.endswith("_NODE") and kind not in _READING:
        raise QueryError(f"{_ONLY}: this holds a {kind.split('_', maxsplit=1)[0]}")
    if kind == "TABLE_FUNCTION":
        name = str(node["function"].get("function_name")).lower()
        if name not in _TABLES and not cursor.execute(_OWN, [name]).fetchone():
            raise QueryError(f"the function {name} is not allowed in FROM")
    elif str(node.get("function_name")).lower() in _REFUSED:
        raise QueryError(f"the function {node['function_name']} is not allowed")
