"""The tables and views of a log file."""

import hashlib
import json
import tomllib
import types
from functools import cache
from importlib.resources import files
from typing import Any, Literal, Union, get_args, get_origin

import duckdb
from pydantic import BaseModel

from simctl.bus.asks import Message
from simctl.bus.messages import kinds

FORMAT = 1  # of the file; a number that this code does not know is refused
_SCALARS: dict[Any, str] = {str: "VARCHAR", int: "BIGINT", float: "DOUBLE", bool: "BOOLEAN"}
_HEADER = "One row: which run this log belongs to and the format of the log"
_MARK = "catalogue"  # before the hash of all that the views, macros and comments are made of
# asks for the mark of the catalogue that a log has
CATALOGUE = f"""
SELECT split_part(comment, ' {_MARK} ', 2) AS mark FROM duckdb_tables()
WHERE table_name = 'log_header'
"""  # noqa: S608 - a word of our own
_ENVELOPE = {
    "seq": "e.seq",
    "round": "e.round",
    "episode": "e.episode",
    "sender": "e.sender",
    "recipient": "e.recipient",
    "cause": "e.cause",
    "task": "e.task",
    "policy_version": "e.policy_version",
    "token_count": "coalesce(len(e.tokens), 0)",
    "wall_us": "e.wall_us",
}


def create_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables of a log."""
    connection.execute(_sql("schema.sql"))


def create_header(connection: duckdb.DuckDBPyConnection, header: tuple[str, str, str]) -> None:
    """Say which log it is; `header` is its run, branch and writer."""
    connection.execute("INSERT INTO log_header VALUES (?, ?, ?, ?)", [FORMAT, *header])


def create_views(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the catalogue as this version of simctl knows it, unless the file has it already."""
    found = connection.execute(CATALOGUE).fetchone()
    mark = catalogue()
    if found is not None and found[0] == mark:
        return
    connection.execute(_views())
    connection.execute(_column_comments(connection, tomllib.loads(_sql("words.toml"))))
    connection.execute(f"COMMENT ON TABLE log_header IS '{_HEADER}; {_MARK} {mark}'")


@cache
def catalogue() -> str:
    """Return the mark of all views, macros and comments that this version of simctl knows."""
    return hashlib.sha256((_views() + _sql("words.toml")).encode()).hexdigest()


def _views() -> str:
    views = "".join(kind_view(kind, cls) for kind, cls in kinds().items())
    return views + _sql("views.sql") + _sql("macros.sql")


def _column_comments(connection: duckdb.DuckDBPyConnection, words: dict[str, str]) -> str:
    """Return SQL that says what each column means, where nothing says so yet."""
    silent = connection.execute(
        "SELECT table_name, column_name FROM duckdb_columns()"
        " WHERE NOT internal AND comment IS NULL"
    ).fetchall()
    said = {
        f'"{table}"."{column}"': words.get(f"{table}.{column}") or words.get(column)
        for table, column in silent
    }
    return "".join(
        f"COMMENT ON COLUMN {place} IS {_quoted(text)};\n" for place, text in said.items() if text
    )


def kind_view(kind: str, cls: type[Message]) -> str:
    """Return the SQL of the typed view on one kind of message."""
    fields = {name: info.annotation for name, info in cls.model_fields.items() if name != "kind"}
    types = {name: _json_type(annotation) for name, annotation in fields.items()}
    # reading a map costs more than all the rest: what has one is read only where it is asked for
    plain = {name: each for name, each in types.items() if each in _SCALARS.values()}
    columns = [f"{column} AS {name}" for name, column in _ENVELOPE.items() if name not in fields]
    columns += [
        f'e.m."{name}" AS "{name}"' if name in plain else f'{_json_field(name, each)} AS "{name}"'
        for name, each in types.items()
    ]
    read = f", json_transform(payload, '{json.dumps(plain)}') AS m" if plain else ""
    comment = (cls.__doc__ or kind).split("\n", maxsplit=1)[0]
    return f"""
CREATE OR REPLACE VIEW "{kind}" AS SELECT {", ".join(columns)} FROM (
    SELECT *{read} FROM events WHERE kind = '{kind}'
) e;
COMMENT ON VIEW "{kind}" IS {_quoted(comment)};
"""  # noqa: S608 - kinds and fields are identifiers of our own classes


def _json_field(name: str, type_: str | list[Any]) -> str:
    """Return the SQL of one field of a payload."""
    return f"json_transform(e.payload -> '$.{name}', '{json.dumps(type_)}')"


def _json_type(annotation: Any) -> str | list[Any]:
    """Return the DuckDB type of a field, as `json_transform` wants to be told it."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (types.UnionType, Union):
        [present] = [option for option in arguments if option is not types.NoneType]
        return _json_type(present)
    if origin is dict:
        each = _json_type(arguments[1])
        return f"MAP(VARCHAR, {each[0]}[])" if isinstance(each, list) else f"MAP(VARCHAR, {each})"
    if origin is tuple:
        return [_json_type(arguments[0])]
    if origin is Literal:
        return "VARCHAR"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "JSON"
    return _SCALARS[annotation]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _sql(name: str) -> str:
    return files("simctl.store").joinpath(name).read_text(encoding="utf-8")
