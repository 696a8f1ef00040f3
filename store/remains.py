"""What a log file holds, whole or damaged: nothing about it is believed, and nothing is changed."""

from collections.abc import Iterable
from pathlib import Path
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc

from simctl.store import reader
from simctl.store.database import connect, in_our_words
from simctl.store.duck import header
from simctl.store.query import Limits, Queries
from simctl.store.rows import SCHEMA

_PATIENT = Limits(seconds=600)


class Remains:
    """A log file that nobody writes, as far as its bytes can be read."""

    def __init__(self, path: Path, journal: Iterable[pa.Table] = ()) -> None:
        """Open the file at `path`; `journal` are the rows that were on their way into it.

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
                self._in_file = int((found.fetchone() or (0,))[0])
        except BaseException:
            self.close()
            raise
        later = pc.field("seq") > self._in_file
        self.waiting = pa.concat_tables(
            [SCHEMA.empty_table(), *(each.filter(later) for each in journal)]
        )

    @property
    def last_seq(self) -> int:
        """The highest seq that it has; 0 when it has none."""
        if self.waiting.num_rows:
            return int(self.waiting.column("seq")[-1].as_py())
        return self._in_file

    def page(self, after: int, until: int) -> pa.Table:
        """Return the rows with `after` < seq <= `until`.

        Raises:
            LogCorruptError: their bytes are damaged.
        """
        with in_our_words(self.path):
            rows = reader.page(self._connection, after, until)
        if until <= self._in_file:
            return rows
        seq = pc.field("seq")
        return pa.concat_tables(
            [rows.cast(SCHEMA), self.waiting.filter((seq > after) & (seq <= until))]
        )

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
