"""What a log file holds, whole or damaged: nothing about it is believed, and nothing is changed."""

from pathlib import Path
from typing import Self

import pyarrow as pa

from simctl.store import reader
from simctl.store.database import connect, in_our_words
from simctl.store.duck import header
from simctl.store.query import Limits, Queries

_PATIENT = Limits(seconds=600)


class Remains:
    """A log file that nobody writes, as far as its bytes can be read."""

    def __init__(self, path: Path) -> None:
        """Open the file at `path`.

        Raises:
            RunMissingError: there is none.
            LogBusyError: a process holds it.
            ForeignLogError, LogCorruptError: DuckDB cannot open it.
        """
        self.path = path
        self._connection = connect(path, memory=_PATIENT.memory, read_only=True)
        self._queries = Queries(self._connection, _PATIENT)
        try:
            with in_our_words(path):
                self.run, self.branch = header(path, self._connection)
                found = self._connection.execute("SELECT coalesce(max(seq), 0) FROM events")
                self._last_seq = int((found.fetchone() or (0,))[0])
        except BaseException:
            self.close()
            raise

    @property
    def last_seq(self) -> int:
        """The highest seq that it has; 0 when it has none."""
        return self._last_seq

    def page(self, after: int, until: int) -> pa.Table:
        """Return the rows with `after` < seq <= `until`.

        Raises:
            LogCorruptError: their bytes are damaged.
        """
        with in_our_words(self.path):
            return reader.page(self._connection, after, until)

    def senders(self, after: int, until: int) -> pa.Table:
        """Return seq and sender of the rows with `after` < seq <= `until`.

        Raises:
            LogCorruptError: the bytes of these two are damaged.
        """
        with in_our_words(self.path), self._connection.cursor() as cursor:
            return cursor.sql(
                "SELECT seq, sender FROM events WHERE seq > $a AND seq <= $b ORDER BY seq",
                params={"a": after, "b": until},
            ).to_arrow_table()

    def query(self, sql: str, *, max_rows: int | None = None) -> pa.Table:
        """Answer one read-only SQL statement.

        Raises:
            QueryError: it is wrong, not allowed or too expensive, or meets damaged bytes.
        """
        return self._queries.run(sql, max_rows)

    def close(self) -> None:
        """Release the file."""
        self._connection.close()

    def __enter__(self) -> Self:
        """Return the log itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Release the file."""
        self.close()
