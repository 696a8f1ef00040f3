"""The dictionary: what the tables, views and macros of a log mean, asked in SQL."""

import re

from simctl.store.database import Connection

_DESCRIBE = re.compile(r'\s*(?:describe|desc|show)\s+"?(\w+)"?\s*;?\s*', re.IGNORECASE)
_COLUMNS = """
SELECT column_name, data_type AS column_type, comment FROM duckdb_columns()
WHERE table_name = '{name}' AND NOT internal ORDER BY column_index"""
_MACRO = """
SELECT function_name || '(' || array_to_string(parameters, ', ') || ')' AS macro, comment
FROM duckdb_functions() WHERE function_name = '{name}' AND NOT internal"""
# everything that can be asked: first what a thing is, then its columns
EVERYTHING = """
SELECT name, "column", type, comment FROM (
    SELECT table_name AS name, '' AS "column", 'table' AS type, comment, 2 AS rank, 0 AS place
    FROM duckdb_tables() WHERE NOT internal
    UNION ALL
    SELECT view_name, '', 'view', comment, 0, 0 FROM duckdb_views() WHERE NOT internal
    UNION ALL
    SELECT table_name, column_name, data_type, comment,
        if(table_name IN (SELECT table_name FROM duckdb_tables()), 2, 0), column_index
    FROM duckdb_columns() WHERE NOT internal
    UNION ALL
    SELECT function_name || '(' || array_to_string(parameters, ', ') || ')', '',
        if(function_type = 'macro', 'macro', 'table macro'), comment, 1, 0
    FROM duckdb_functions() WHERE NOT internal
) ORDER BY rank, name, place"""


def explained(cursor: Connection, sql: str) -> str:
    """Return the question that answers `describe NAME` with comments; another as it is."""
    asked = _DESCRIBE.fullmatch(sql)
    if asked is None:
        return sql
    for question in (_COLUMNS, _MACRO):
        answer = question.format(name=asked[1])
        if cursor.execute(answer).fetchone():
            return answer
    return sql
