"""Copies: a log file made of rows that are events already."""

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

import simctl
from simctl.store.chain import grouped
from simctl.store.database import connect, in_our_words, transaction
from simctl.store.query import Limits
from simctl.store.schema import create_tables, create_views


def write(path: Path, run: str, branch: str, pages: Iterable[pa.Table]) -> None:
    """Make a log file at `path`, where there is none, of the rows in `pages`, in their order."""
    with in_our_words(path), connect(path, memory=Limits().memory) as connection:
        with transaction(connection):
            create_tables(connection, (run, branch, f"simctl {simctl.__version__}"))
            create_views(connection)
        for group in grouped(pages):
            connection.register("incoming", group)
            with transaction(connection):
                connection.execute("INSERT INTO events SELECT * FROM incoming")
            connection.unregister("incoming")
        connection.execute("CHECKPOINT")
