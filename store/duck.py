"""The log in DuckDB, as its owner has it."""

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Self

import duckdb
import pyarrow as pa

from simctl.bus.event import Draft, Event
from simctl.store import copies, journal, reader, tail
from simctl.store.database import (
    Cursors,
    Database,
    Opener,
    connect,
    in_our_words,
    transaction,
)
from simctl.store.errors import ForeignLogError
from simctl.store.journal import Journal
from simctl.store.ledger import Ledger
from simctl.store.patience import Patience
from simctl.store.query import Limits, Queries
from simctl.store.recovery import catch_up
from simctl.store.schema import FORMAT, create_views
from simctl.store.sequencer import Position, Sequencer
from simctl.store.tail import Mark, Tail
from simctl.store.writer import Writer


class DuckLog:
    """An event log in one file. It is held by one process, whose threads may all use it.

    `append` returns after the commit. When a commit fails, the file is opened again and decides
    whether it was one, and what is not there is written again for a while: then appends raise
    LogBrokenError.
    """

    def __init__(  # noqa: PLR0913 - where it is, what it is, and how it bears trouble
        self,
        path: Path,
        *,
        run: str,
        branch: str = "main",
        limits: Limits | None = None,
        patience: float = 60,
        on_trouble: Callable[[str], None] = lambda _: None,
        opener: Opener = connect,
    ) -> None:
        """Open the log at `path`, or make an empty one for `run` when there is none.

        When the disk is full, appends wait for room up to `patience` seconds, and `on_trouble`
        is told so, in the writer's thread. `opener` opens the file.

        Raises:
            LogBusyError: another process, or another part of this one, holds it.
            ForeignLogError, LogCorruptError: it is no log, or damaged.
        """
        self.path = path
        limits = limits or Limits()
        if not path.exists():
            tail.compare(path, 0, lambda _: None)
            create(path, run, branch)
        self._database = Database(path, memory=limits.memory, opener=opener)
        try:
            with in_our_words(path):
                self.run, self.branch = header(path, self._database)
                position = catch_up(self._database, reader.position(self._database))
                tail.compare(path, position.seq, lambda seq: reader.hash_at(self._database, seq))
                with transaction(self._database.connection):
                    create_views(self._database.connection)
                marks = _tail(path, self._database, position)
                journal.remove(path)
        except BaseException:
            self._database.connection.close()
            raise
        self._opened = self._last_seq = position.seq
        self._last_of: dict[str, int] = {}
        self._listeners: list[Callable[[int], None]] = []
        self._queries = Queries(self._database, limits)
        self._patience = Patience(patience, on_trouble)
        self._ledger = Ledger(self._database, self._queries, marks, (position.seq, position.hash))
        past = reader.FilePast(self._database)
        sequencer = Sequencer(self.run, self.branch, position, past)
        self._writer = Writer(self._ledger, sequencer, self._patience, self._announce)

    @property
    def last_seq(self) -> int:
        """The seq of the last committed event; 0 when there is none."""
        return self._last_seq

    def last_of(self, kind: str) -> int:
        """Return the seq of the last event of a kind; of earlier ones, that it may be anywhere.

        What was there when the log was opened is not looked through: its end is returned.
        """
        return self._last_of.get(kind, self._opened)

    async def append(self, drafts: Sequence[Draft]) -> list[Event]:
        """Commit all drafts together and return their events, in order.

        Raises:
            DraftRefusedError: a draft breaks a rule; nothing of this append was written.
            LogBrokenError: a commit failed, this one or one before.
            LogClosedError: the log is closed.
        """
        return await asyncio.wrap_future(self.submit(drafts))

    def submit(self, drafts: Sequence[Draft]) -> Future[list[Event]]:
        """Append from any thread; the future is done after the commit."""
        return self._writer.submit(drafts)

    def read(self, after: int = 0, until: int | None = None) -> Iterator[Event]:
        """Give the events with `after` < seq <= `until`, in order."""
        self._writer.settle()
        last = self._last_seq
        return reader.read(self._database, after, last if until is None else min(until, last))

    def page(self, after: int, until: int) -> pa.Table:
        """Return the rows with `after` < seq <= `until`."""
        self._writer.settle()
        return reader.page(self._database, after, until)

    def query(self, sql: str, *, max_rows: int | None = None) -> pa.Table:
        """Answer one read-only SQL statement.

        Raises:
            QueryError: it is wrong, not allowed or too expensive.
        """
        self._writer.settle()
        return self._queries.run(sql, max_rows)

    def listen(self, listener: Callable[[int], None]) -> Callable[[], None]:
        """Call `listener` with the last seq after each commit, in the writer's thread.

        The returned function ends it.
        """
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def begin_journal(self) -> None:
        """From now on an append is durable in a journal first, and soon after in the file."""
        self._ledger.journal = Journal(self.path)

    def lose_patience(self) -> None:
        """Wait for nothing any more: what cannot be written now fails."""
        self._patience.lose()

    def close(self) -> None:
        """Commit what was submitted, checkpoint and release the file."""
        self._writer.close()
        self._ledger.close()

    def __enter__(self) -> Self:
        """Return the log itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the log."""
        self.close()

    def _announce(self, events: Sequence[Event]) -> None:
        self._last_of.update((event.kind, event.seq) for event in events)
        self._last_seq = events[-1].seq
        for listener in tuple(self._listeners):
            listener(self._last_seq)


def create(path: Path, run: str, branch: str) -> None:
    """Make an empty log; it is there whole or not at all."""
    # under another name first: a log that is there is whole, whenever the process is killed
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    copies.write(draft, run, branch, ())
    draft.rename(path)


def _tail(path: Path, database: Database, position: Position) -> Tail:
    """Return the tail of a log, with a mark for what it does not know yet."""
    last = tail.last_mark(path)
    if last is None:
        return Tail(path, Mark(position.seq, position.hash, {}))
    marks = Tail(path)
    if last.seq < position.seq:  # its process was killed between a commit and its mark
        spoke = reader.senders(database, last.seq)
        marks.mark(Mark(position.seq, position.hash, spoke))
    return marks


def header(path: Path, database: Cursors) -> tuple[str, str]:
    """Return the run and the branch of a log file.

    Raises:
        ForeignLogError: it is a database of something else, or of a later simctl.
    """
    try:
        with database.cursor() as cursor:
            row = cursor.execute("SELECT format, run, branch FROM log_header").fetchone()
    except duckdb.CatalogException as error:
        raise ForeignLogError(f"{path} is a DuckDB database but not a log of simctl") from error
    if row is None or row[0] != FORMAT:
        raise ForeignLogError(f"{path} has log format {row and row[0]}; this simctl knows {FORMAT}")
    return row[1], row[2]
