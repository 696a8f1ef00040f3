"""The bus of one process: publishing waits for the log, listening is a cursor on a shared list.

What some reader has still to hear stays in memory, so a reader that falls behind holds publishers
back, and one that hears nothing for too long is cut off: it goes on from the log.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress

from simctl.bus.bus import Journal
from simctl.bus.event import Draft, Event
from simctl.bus.quiescence import Quiescence, Work

COMMIT_RANK = 0  # commits go before model calls: an ask must be durable before it is answered
CAPACITY = 65_536  # events; a round is far smaller, so that no reader holds it up
PATIENCE = 60.0  # seconds
_LOOKS = 10  # in a patience: a loop that was busy by itself counts as one

_Waiting = tuple[Sequence[Draft], asyncio.Future[list[Event]]]


class ReaderCutOffError(Exception):
    """A reader heard nothing for too long, and hears nothing more; the log has it all."""

    def __init__(self, reader: str, seq: int, seconds: float) -> None:
        """Say that `reader` has not heard event `seq` within `seconds`."""
        super().__init__(
            f"the reader {reader!r} heard nothing for {seconds:g} s while publishers waited, "
            f"and was cut off before event {seq}: read the log from there"
        )
        self.reader = reader
        self.seq = seq


class _Reader:
    """A place in the shared list."""

    def __init__(self, name: str, position: int) -> None:
        self.name = name
        self.position = position
        self.news = asyncio.Event()
        self.caught_up = asyncio.Event()
        self.caught_up.set()
        self.task: asyncio.Task[object] | None = None  # that hears
        self.cut_off: ReaderCutOffError | None = None


class MemoryBus:
    """Appends first, then delivers. Publishes that wait at the same time share one commit."""

    def __init__(  # noqa: PLR0913 - the last three have defaults that fit every run
        self,
        journal: Journal,
        quiescence: Quiescence,
        last_seq: int = 0,
        *,
        capacity: int = CAPACITY,
        patience: float = PATIENCE,
        report: Callable[[ReaderCutOffError], None] = lambda _: None,
    ) -> None:
        """Deliver what `journal` makes durable after `last_seq`; `quiescence` times commits.

        While a reader has more than `capacity` events to hear, publishers wait for it; if it hears
        none of them in `patience` seconds it is cut off, and `report` is told.
        """
        self._journal = journal
        self._quiescence = quiescence
        self._capacity = capacity
        self._patience = patience
        self._report = report
        self._waiting: list[_Waiting] = []
        self._tail: list[Event] = []  # delivered, and not yet heard by every reader
        self._start = 0  # the position of the first event of the tail
        self._readers: list[_Reader] = []
        self._born = self._last_seq = last_seq
        self._skipped: set[int] = (
            set()
        )  # a journal that is read again fills its places in any order
        quiescence.add(Work(COMMIT_RANK, lambda: bool(self._waiting), self._commit))

    async def publish(self, drafts: Sequence[Draft]) -> list[Event]:
        """Append the drafts, deliver the new ones, and return the events of all, in order.

        Returns late while a reader is far behind, unless it is a reader that publishes: that
        would wait for itself.
        """
        if not drafts:
            return []
        heard: asyncio.Future[list[Event]] = asyncio.get_running_loop().create_future()
        self._waiting.append((drafts, heard))
        self._quiescence.touch()
        events = await heard
        while (behind := self._furthest_behind()) and not self._is_called_by_reader():
            await self._wait_for(behind)
        return events

    @asynccontextmanager
    async def listen(self, name: str = "unnamed") -> AsyncGenerator[AsyncIterator[Event]]:
        """Hear every event from now on, in the order of the log; `name` is for reports.

        The iterator raises ReaderCutOffError once the reader was cut off.
        """
        reader = _Reader(name, self._end)
        self._readers.append(reader)
        try:
            yield self._hear(reader)
        finally:
            self._leave(reader)

    def redeliver(self, events: Iterable[Event]) -> None:
        """Let readers hear those events that were logged before this bus began."""
        self._deliver([event for event in events if event.seq <= self._born])

    def _deliver(self, events: Sequence[Event]) -> None:
        if not self._readers or not events:
            return
        self._forget()
        self._tail.extend(events)
        self._quiescence.touch()
        for reader in self._readers:
            reader.news.set()

    async def _hear(self, reader: _Reader) -> AsyncIterator[Event]:
        while reader.cut_off is None:
            reader.task = asyncio.current_task()
            if reader.position == self._end:
                reader.news.clear()
                await reader.news.wait()
                continue
            event = self._tail[reader.position - self._start]
            reader.position += 1
            if not reader.caught_up.is_set() and self._lag(reader) <= self._capacity:
                reader.caught_up.set()
            yield event
        raise reader.cut_off

    @property
    def _end(self) -> int:
        return self._start + len(self._tail)

    def _lag(self, reader: _Reader) -> int:
        return self._end - reader.position

    def _furthest_behind(self) -> _Reader | None:
        """Return the reader that has most to hear, if that is more than there is room for."""
        if len(self._tail) <= self._capacity:
            return None
        reader = min(self._readers, key=lambda each: each.position, default=None)
        return reader if reader and self._lag(reader) > self._capacity else None

    def _is_called_by_reader(self) -> bool:
        caller = asyncio.current_task()
        return any(reader.task is caller for reader in self._readers)

    async def _wait_for(self, reader: _Reader) -> None:
        """Wait until a reader has caught up; cut it off if it does not go on."""
        position = reader.position
        reader.caught_up.clear()
        for _ in range(_LOOKS):
            with suppress(TimeoutError):
                async with asyncio.timeout(self._patience / _LOOKS):
                    await reader.caught_up.wait()
                    self._quiescence.touch()
            if reader.position != position or reader not in self._readers:
                return
        self._cut_off(reader)

    def _cut_off(self, reader: _Reader) -> None:
        unheard = self._tail[reader.position - self._start :]
        seq = min(event.seq for event in unheard)  # what is delivered again may be older
        reader.cut_off = ReaderCutOffError(reader.name, seq, self._patience)
        reader.news.set()
        self._leave(reader)
        self._report(reader.cut_off)

    def _leave(self, reader: _Reader) -> None:
        if reader in self._readers:
            self._readers.remove(reader)
            reader.caught_up.set()
            self._forget()

    def _forget(self) -> None:
        # everything is in the log, so memory keeps only what some reader has still to hear
        heard_by_all = min((reader.position for reader in self._readers), default=self._end)
        del self._tail[: heard_by_all - self._start]
        self._start = heard_by_all

    async def _commit(self) -> None:
        waiting, self._waiting = self._waiting, []
        if not await self._append(waiting) and len(waiting) > 1:
            for each in waiting:  # one refused draft is its publisher's fault alone
                await self._append([each])
        self._quiescence.touch()

    async def _append(self, waiting: Sequence[_Waiting]) -> bool:
        """Append and deliver together; say whether it went well, or who alone it went ill for."""
        try:
            events = await self._journal.append(
                [draft for drafts, _ in waiting for draft in drafts]
            )
        except Exception as error:  # noqa: BLE001 - the publisher hears it
            if len(waiting) == 1 and not waiting[0][1].done():
                waiting[0][1].set_exception(error)
            return False
        self._deliver([event for event in events if self._is_fresh(event.seq)])
        at = 0
        for drafts, heard in waiting:
            if not heard.done():  # the publisher may have been cancelled; the log has it anyway
                heard.set_result(events[at : at + len(drafts)])
            at += len(drafts)
        return True

    def _is_fresh(self, seq: int) -> bool:
        """Tell whether an event is heard of for the first time, and take note of it."""
        if seq > self._last_seq:
            self._skipped.update(range(self._last_seq + 1, seq))
            self._last_seq = seq
            return True
        if seq in self._skipped:
            self._skipped.remove(seq)
            return True
        return False
