"""Copies: a log file made of rows that are events already."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

import simctl
from simctl.store.chain import grouped
from simctl.store.database import Connection, connect, in_our_words, transaction
from simctl.store.query import Limits
from simctl.store.schema import create_header, create_tables, create_views


def write(path: Path, run: str, branch: str, pages: Iterable[pa.Table]) -> None:
    """Make a log file at `path`, where there is none, of the rows in `pages`, in their order."""
    with in_our_words(path), _opened(path) as connection:
        with transaction(connection):
            create_header(connection, (run, branch, f"simctl {simctl.__version__}"))
        for group in grouped(pages):
            connection.register("incoming", group)
            with transaction(connection):
                connection.execute("INSERT INTO events SELECT * FROM incoming")
            connection.unregister("incoming")
        connection.execute("CHECKPOINT")


def _opened(path: Path) -> Connection:
    path.write_bytes(_empty())
    return connect(path, memory=Limits().memory)


@cache
def _empty() -> bytes:
    """Return a log file of no run: half a second goes into its catalogue, once a process."""
    with TemporaryDirectory(prefix="simctl-") as place:
        path = Path(place, "log.duckdb")
        with connect(path, memory=Limits().memory) as connection:
            with transaction(connection):
                create_tables(connection)
                create_views(connection)
            connection.execute("CHECKPOINT")
        return path.read_bytes()
