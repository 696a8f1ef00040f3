"""A log in a Python list: what the log in DuckDB is measured against, and quick tests use it."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from simctl.bus.event import Draft, Event
from simctl.store import copies
from simctl.store.database import connect
from simctl.store.query import Limits, Queries
from simctl.store.rows import to_table
from simctl.store.sequencer import Position, Sequencer, Speaker, Triple


class ListLog:
    """An event log that is gone with its process."""

    def __init__(self, run: str = "memory", branch: str = "main") -> None:
        """Make an empty log."""
        self.run, self.branch = run, branch
        self._events: list[Event] = []
        self._memory = _Memory()
        self._sequencer = Sequencer(run, branch, Position(), self._memory)

    @property
    def last_seq(self) -> int:
        """The seq of the last event; 0 when there is none."""
        return len(self._events)

    async def append(self, drafts: Sequence[Draft]) -> list[Event]:
        """Keep all drafts and return their events, in order.

        Raises:
            DraftRefusedError: a draft breaks a rule; nothing of this append was kept.
        """
        return self.place(drafts)

    def place(self, drafts: Sequence[Draft]) -> list[Event]:
        """Append without an event loop."""
        events = self._sequencer.place(drafts)
        last = self.last_seq
        fresh = {event.seq: event for event in events if event.seq > last}.values()
        self._events.extend(fresh)
        self._memory.keep(fresh)
        return events

    def read(self, after: int = 0, until: int | None = None) -> Iterator[Event]:
        """Give the events with `after` < seq <= `until`, in order."""
        return iter(self._events[after:until])

    def query(self, sql: str, *, max_rows: int | None = None) -> pa.Table:
        """Answer one read-only SQL statement.

        Raises:
            QueryError: it is wrong, not allowed or too expensive.
        """
        with TemporaryDirectory(prefix="simctl-") as place:
            path = Path(place, "log.duckdb")
            copies.write(path, self.run, self.branch, [to_table(self._events)])
            with connect(path, memory=Limits().memory, read_only=True) as connection:
                return Queries(connection, Limits()).run(sql, max_rows)


class _Memory:
    """Every event by its triple."""

    def __init__(self) -> None:
        self._known: dict[Triple, Event] = {}
        self._last: dict[Speaker, int] = {}

    def keep(self, events: Iterable[Event]) -> None:
        for event in events:
            self._known[event.producer, event.epoch, event.pseq] = event
            self._last[event.producer, event.epoch] = event.pseq

    def last_pseq(self, speaker: Speaker) -> int | None:
        return self._last.get(speaker)

    def find(self, drafts: Sequence[Draft]) -> dict[Triple, Event]:
        triples = [(draft.producer, draft.epoch, draft.pseq) for draft in drafts]
        return {triple: self._known[triple] for triple in triples}
