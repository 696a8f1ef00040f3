"""The ledger: makes events durable, each once, also where nobody knows whether a commit was."""

from collections.abc import Sequence
from contextlib import suppress

from simctl.bus.event import Event
from simctl.store import reader
from simctl.store.database import Database
from simctl.store.errors import LogBrokenError
from simctl.store.journal import Journal
from simctl.store.query import Queries
from simctl.store.rows import to_table
from simctl.store.tail import Mark, Tail

MANY = 8 << 20  # bytes of marks after which a checkpoint makes them needless
_AGAIN = "stopped: the log had to open its file again; ask again"


class Ledger:
    """Writes events into the file, and beside it how far it has come. One thread uses it.

    With a journal events are durable as soon as that has them, and the file is behind for a while.
    """

    def __init__(
        self, database: Database, queries: Queries, tail: Tail, end: tuple[int, str]
    ) -> None:
        """Go on after `end`, the seq and the hash of the last event."""
        self._database = database
        self._queries = queries
        self._tail = tail
        self._end = end
        self._in_doubt = False
        self._enough = MANY
        self._behind: list[Event] = []
        self.journal: Journal | None = None

    @property
    def behind(self) -> int:
        """How many durable events the file does not have yet."""
        return len(self._behind)

    def write(self, events: Sequence[Event]) -> None:
        """Make the events durable. After any exception, call it again with the same events.

        Raises:
            LogBrokenError: the file holds something else.
        """
        if self.journal is None:
            self._put(events)
            self._tail.append(events)
            self._tidy()
        else:
            self.journal.append(events)
            self._tail.append(events)
            self._behind.extend(events)

    def settle(self) -> None:
        """Let the file have all that is durable. After any exception, call it again.

        Raises:
            LogBrokenError: the file holds something else.
        """
        if self.journal is not None and self._behind:
            self._put(self._behind)
            self._behind.clear()
            self.journal.cut()
            self._tidy()

    def give_up(self, reason: LogBrokenError) -> None:
        """Let nobody wait for the file who would wait for ever."""
        self._database.give_up(reason)

    def close(self) -> None:
        """Checkpoint and release the file."""
        tidy = self._database.close(lambda: self._queries.stop_all("stopped: the log was closed"))
        if tidy and not self._in_doubt and not self._behind:
            self._renew()
        self._tail.close()
        if self.journal is not None:
            self.journal.close(needed=bool(self._behind))

    def _tidy(self) -> None:
        if self._tail.size > self._enough:
            self._enough = self._tail.size + MANY
            if self._database.checkpoint():
                self._renew()

    def _renew(self) -> None:
        seq, digest = self._end
        with suppress(OSError):  # the old marks are as true
            self._tail.renew(Mark(seq, digest, {}))
            self._enough = MANY

    def _put(self, events: Sequence[Event]) -> None:
        if self._in_doubt:
            self._look_again(events)
        if self._end[0] < events[-1].seq:
            self._in_doubt = True
            self._insert(events)
            self._in_doubt = False
            self._end = (events[-1].seq, events[-1].hash)

    def _insert(self, events: Sequence[Event]) -> None:
        self._queries.make_room()
        connection = self._database.connection
        table = to_table(events)
        connection.begin()
        connection.from_arrow(table).insert_into("events")  # a fifth cheaper than by a view
        connection.commit()

    def _look_again(self, events: Sequence[Event]) -> None:
        """Open the file again, and find out whether it holds the events."""
        self._database.reopen(lambda: self._queries.stop_all(_AGAIN))
        found = reader.end(self._database)
        last = (events[-1].seq, events[-1].hash)
        if found not in (self._end, last):
            raise LogBrokenError(
                f"the log ends at event {found[0]} after a failed commit of the events "
                f"{events[0].seq} to {last[0]}: neither all nor none of them are there.\n"
                f"Look at it with `simctl store check {self._database.path.parent}`."
            )
        self._end, self._in_doubt = found, False
