"""The event log as its users see it."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import pyarrow as pa

from simctl.bus.event import Draft, Event


class EventLog(Protocol):
    """Append-only, ordered, durable. One process owns it; others reach it through its endpoint."""

    @property
    def last_seq(self) -> int:
        """The seq of the last committed event; 0 when there is none."""
        ...

    async def append(self, drafts: Sequence[Draft]) -> list[Event]:
        """Commit all drafts together and return their events, in order.

        A draft whose (producer, epoch, pseq) is there already gives the event that is there.
        """
        ...

    def read(self, after: int = 0, until: int | None = None) -> Iterator[Event]:
        """Give the events with `after` < seq <= `until`, in order."""
        ...

    def query(self, sql: str, *, max_rows: int | None = None) -> pa.Table:
        """Answer one read-only SQL statement."""
        ...
