"""The log of a run that is not live: read-only, and shared by any number of readers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pyarrow as pa

from simctl.bus.event import Event
from simctl.store import journal, reader, tail
from simctl.store.database import connect, in_our_words
from simctl.store.duck import DuckLog, header
from simctl.store.query import Limits, Queries


class FinishedLog:
    """A log file that nobody writes."""

    def __init__(self, path: Path, limits: Limits | None = None) -> None:
        """Open the file at `path`.

        Raises:
            RunMissingError: there is none.
            LogBusyError: a process holds it.
            ForeignLogError, LogCorruptError: it is no log, or damaged.
        """
        limits = limits or Limits()
        self.path = path
        if path.exists() and journal.is_left(path):
            # its process was killed, and some of what it acknowledged is only there
            DuckLog(path, run=path.parent.name).close()
        self._connection = connect(path, memory=limits.memory, read_only=True)
        self._queries = Queries(self._connection, limits)
        try:
            with in_our_words(path):
                self.run, self.branch = header(path, self._connection)
                self._last_seq = reader.position(self._connection).seq
                tail.compare(
                    path, self._last_seq, lambda seq: reader.hash_at(self._connection, seq)
                )
        except BaseException:
            self.close()
            raise

    @property
    def last_seq(self) -> int:
        """The seq of the last event; 0 when there is none."""
        return self._last_seq

    def read(self, after: int = 0, until: int | None = None) -> Iterator[Event]:
        """Give the events with `after` < seq <= `until`, in order."""
        last = self._last_seq
        return reader.read(self._connection, after, last if until is None else min(until, last))

    def page(self, after: int, until: int) -> pa.Table:
        """Return the rows with `after` < seq <= `until`."""
        return reader.page(self._connection, after, until)

    def query(self, sql: str, *, max_rows: int | None = None) -> pa.Table:
        """Answer one read-only SQL statement.

        Raises:
            QueryError: it is wrong, not allowed or too expensive.
        """
        return self._queries.run(sql, max_rows)

    def stop(self) -> None:
        """Stop the queries that run now."""
        self._queries.stop_all("stopped")

    def close(self) -> None:
        """Release the file."""
        self._connection.close()

    def __enter__(self) -> Self:
        """Return the log itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the log."""
        self.close()
