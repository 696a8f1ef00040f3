"""The bus of one process: publishing waits for the log, listening is a cursor on a shared list."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

from simctl.bus.bus import Journal
from simctl.bus.event import Draft, Event
from simctl.bus.quiescence import Quiescence, Work

COMMIT_RANK = 0  # commits go before model calls: an ask must be durable before it is answered


_Waiting = tuple[Sequence[Draft], asyncio.Future[list[Event]]]


class _Reader:
    """A place in the shared list."""

    def __init__(self, position: int) -> None:
        self.position = position
        self.news = asyncio.Event()


class MemoryBus:
    """Appends first, then delivers. Publishes that wait at the same time share one commit."""

    def __init__(self, journal: Journal, quiescence: Quiescence, last_seq: int = 0) -> None:
        """Deliver what `journal` makes durable after `last_seq`; `quiescence` times commits."""
        self._journal = journal
        self._quiescence = quiescence
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
        """Append the drafts, deliver the new ones, and return the events of all, in order."""
        if not drafts:
            return []
        heard: asyncio.Future[list[Event]] = asyncio.get_running_loop().create_future()
        self._waiting.append((drafts, heard))
        self._quiescence.touch()
        return await heard

    @asynccontextmanager
    async def listen(self) -> AsyncGenerator[AsyncIterator[Event]]:
        """Hear every event from now on, in the order of the log."""
        reader = _Reader(self._start + len(self._tail))
        self._readers.append(reader)
        try:
            yield self._hear(reader)
        finally:
            self._readers.remove(reader)
            self._forget()

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
        while True:
            while reader.position < self._start + len(self._tail):
                event = self._tail[reader.position - self._start]
                reader.position += 1
                yield event
            reader.news.clear()
            await reader.news.wait()

    def _forget(self) -> None:
        # everything is in the log, so memory keeps only what some reader has still to hear
        heard_by_all = min(
            (reader.position for reader in self._readers), default=self._start + len(self._tail)
        )
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
