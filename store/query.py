"""Read-only SQL for everybody: it cannot change the log, read files or run for ever.

Four guards stand together, because each alone can be got round: one statement that reads (see
`guard`), a read-only transaction, a locked configuration (see `database`), and limits on time and
size (see `room` for what DuckDB does not count).
"""

import math
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import duckdb
import pyarrow as pa

from simctl.store.database import Connection, Cursors
from simctl.store.dictionary import explained
from simctl.store.errors import QueryError
from simctl.store.guard import check
from simctl.store.room import Room

_BATCH = 8192
_AGAIN = 0.02  # seconds
_ROOM = Room()  # the process's, so there is one
_GROWTH = 2  # times the memory that DuckDB may count: for what it does not
_INSIST = 5.0  # seconds: longer than most single calls, which nothing can interrupt
_LOOK = 0.1  # seconds between two looks at memory: each costs a quarter of a small commit
# what is read of tables makes room by itself
_HELD = "SELECT sum(memory_usage_bytes) FROM duckdb_memory() WHERE tag <> 'BASE_TABLE'"
_BINDING = (duckdb.BinderException, duckdb.CatalogException)


@dataclass(frozen=True)
class Limits:
    """What one query may cost."""

    seconds: float = 30
    rows: int = 1_000_000
    bytes: int = 1 << 30
    memory: int = 2_000_000_000  # bytes of all queries of a file together with its cache


class Queries:
    """Answers queries in the callers' threads, each on a cursor of its own."""

    def __init__(self, database: Cursors, limits: Limits) -> None:
        """Answer from the file of `database`."""
        self._database = database
        self._limits = limits
        self._running: dict[Connection, str] = {}
        self._looked = 0.0
        self._change = threading.Condition()

    def run(self, sql: str, max_rows: int | None = None) -> pa.Table:
        """Answer one statement.

        Raises:
            QueryError: it is wrong, not allowed or too expensive.
        """
        limits = self._limits if max_rows is None else replace(self._limits, rows=max_rows)
        with (
            self._database.cursor() as cursor,
            self._watched(cursor),
            _ROOM.bounded(_GROWTH * limits.memory),
        ):
            try:
                check(cursor, sql)
                sql = explained(cursor, sql)
                cursor.execute("BEGIN TRANSACTION READ ONLY")
                return _fetch(cursor, sql, limits)
            except duckdb.InterruptException as error:
                raise QueryError(self._reason(cursor)) from error
            except (duckdb.OutOfMemoryException, MemoryError) as error:
                raise QueryError("needs more memory than there is: ask for less") from error
            except (duckdb.Error, ValueError, pa.ArrowException) as error:
                raise QueryError(_located(cursor, sql, error)) from error

    def make_room(self) -> None:
        """Stop the queries if they hold half of the memory: a commit that finds none fails."""
        with self._change:
            if not self._running or time.monotonic() < self._looked + _LOOK:
                return
            self._looked = time.monotonic()
        with self._database.cursor() as cursor:
            [held] = cursor.execute(_HELD).fetchone() or [0]
        if held > self._limits.memory / 2:
            self.stop_all("stopped: the log needed the memory; ask for less")

    def stop_all(self, reason: str) -> None:
        """Stop the queries that run now, and wait for a while until they have."""
        with self._change:
            self._stop(list(self._running), reason, _INSIST)

    @contextmanager
    def _watched(self, cursor: Connection) -> Generator[None]:
        late = f"stopped after {self._limits.seconds:g} s: ask for less"
        watch = threading.Timer(self._limits.seconds, self._stop_late, (cursor, late))
        watch.daemon = True
        with self._change:
            self._running[cursor] = ""
        watch.start()
        try:
            yield
        finally:
            watch.cancel()
            with self._change:
                del self._running[cursor]
                self._change.notify_all()
            # a thread that still knows the cursor when Python ends makes DuckDB report a leak
            watch.join()

    def _stop_late(self, cursor: Connection, reason: str) -> None:
        with self._change:
            self._stop([cursor], reason)

    def _stop(self, cursors: list[Connection], reason: str, seconds: float = math.inf) -> None:
        end = time.monotonic() + seconds
        while running := [each for each in cursors if each in self._running]:
            if time.monotonic() > end:
                return
            for cursor in running:
                self._running[cursor] = reason
                cursor.interrupt()
            # an interrupt between two statements is lost, so it is said again
            self._change.wait(_AGAIN)

    def _reason(self, cursor: Connection) -> str:
        with self._change:
            return self._running[cursor]


def _located(cursor: Connection, sql: str, error: Exception) -> str:
    """Return what is wrong with a statement, and where if DuckDB can tell."""
    if isinstance(error, _BINDING) and "LINE" not in str(error):
        # a relation's errors have no place; the same statement fails again and tells it
        try:
            cursor.rollback()
            cursor.execute("BEGIN TRANSACTION READ ONLY").execute(sql)
        except duckdb.Error as located:
            return str(located)
    return str(error)


def _fetch(cursor: Connection, sql: str, limits: Limits) -> pa.Table:
    reader = cursor.sql(sql).to_arrow_reader(_BATCH)
    batches: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in reader:
        batches.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if rows > limits.rows:
            raise QueryError(f"more than {limits.rows} rows: narrow it, or add a LIMIT")
        if size > limits.bytes:
            raise QueryError(f"more than {limits.bytes} bytes: ask for fewer columns or rows")
    return pa.Table.from_batches(batches, schema=reader.schema)
