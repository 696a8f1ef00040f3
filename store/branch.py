"""Branches: a new log that begins with another's events, row by row as they are."""

from pathlib import Path
from typing import Protocol

import pyarrow as pa

from simctl.store.database import connect, in_our_words
from simctl.store.duck import create
from simctl.store.query import Limits
from simctl.store.rows import PAGE


class Branchable(Protocol):
    """A log whose rows can be read."""

    def page(self, after: int, until: int) -> pa.Table:
        """Return the rows with `after` < seq <= `until`."""
        ...


def branch_off(parent: Branchable, at: int, path: Path, name: str) -> None:
    """Make the log `path` of run and branch `name`: it holds the parent's events up to seq `at`."""
    create(path, name, name)
    with in_our_words(path), connect(path, memory=Limits().memory) as connection:
        for after in range(0, at, PAGE):
            connection.register("incoming", parent.page(after, min(after + PAGE, at)))
            connection.execute("INSERT INTO events SELECT * FROM incoming")
            connection.unregister("incoming")
        connection.execute("CHECKPOINT")
