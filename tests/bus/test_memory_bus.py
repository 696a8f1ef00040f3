import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from simctl.bus.event import Draft, Event
from simctl.bus.memory import MemoryBus
from simctl.bus.messages import EpisodeStarted
from simctl.bus.quiescence import Quiescence, Work
from simctl.store.errors import DraftRefusedError
from simctl.store.memory_log import ListLog


class WatchedLog(ListLog):
    """A log that notes how large each append was."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    async def append(self, drafts: Sequence[Draft]) -> list[Event]:
        self.sizes.append(len(drafts))
        return await super().append(drafts)


@asynccontextmanager
async def running(log: ListLog) -> AsyncIterator[MemoryBus]:
    quiescence = Quiescence()
    async with asyncio.TaskGroup() as group:
        pump = group.create_task(quiescence.run())
        yield MemoryBus(log, quiescence, log.last_seq)
        pump.cancel()


def draft(producer: str, pseq: int) -> Draft:
    message = EpisodeStarted(name=f"{producer}{pseq}")
    return Draft(producer, 0, pseq, message, sender=producer)


async def take(events: AsyncIterator[Event], count: int) -> list[Event]:
    return [await anext(events) for _ in range(count)]


async def test_nobody_hears_an_event_that_is_not_in_the_log():
    log = ListLog()
    async with running(log) as bus, bus.listen() as events, asyncio.TaskGroup() as group:
        group.create_task(bus.publish([draft("a", n) for n in range(50)]))
        for heard in await take(events, 50):
            assert heard == list(log.read())[heard.seq - 1]


async def test_publishes_that_wait_together_share_one_commit():
    log = WatchedLog()
    async with running(log) as bus, asyncio.TaskGroup() as group:
        for name in "abcdefgh":
            group.create_task(bus.publish([draft(name, 0)]))
    assert log.sizes == [8]


async def test_every_reader_hears_every_event_once_and_in_order():
    async with running(ListLog()) as bus, bus.listen() as one, bus.listen() as two:
        await bus.publish([draft("a", 0), draft("a", 1)])
        await bus.publish([draft("b", 0)])
        expected = [1, 2, 3]
        assert [event.seq for event in await take(one, 3)] == expected
        assert [event.seq for event in await take(two, 3)] == expected


async def test_what_was_published_twice_is_heard_once():
    async with running(ListLog()) as bus, bus.listen() as events:
        [first] = await bus.publish([draft("a", 0)])
        [again] = await bus.publish([draft("a", 0)])
        await bus.publish([draft("a", 1)])
        assert again == first
        assert [event.seq for event in await take(events, 2)] == [1, 2]


async def test_what_a_journal_places_out_of_order_is_heard_once_each():
    whole = ListLog()
    await whole.append([draft(name, 0) for name in "abc"])

    class Reread(ListLog):
        """A log that is read again: it has its events already."""

        async def append(self, drafts: Sequence[Draft]) -> list[Event]:
            return [event for each in drafts for event in await whole.append([each])]

    async with running(Reread()) as bus, bus.listen() as events:
        for name in "cabac":
            await bus.publish([draft(name, 0)])
        await bus.publish([draft("b", 1)])
        assert [event.seq for event in await take(events, 4)] == [3, 1, 2, 4]


async def test_a_new_bus_redelivers_only_what_was_logged_before_it():
    log = ListLog()
    [old] = await log.append([draft("a", 0)])
    async with running(log) as bus, bus.listen() as events:
        [new] = await bus.publish([draft("a", 1)])
        bus.redeliver([old, new])
        assert [event.seq for event in await take(events, 2)] == [new.seq, old.seq]


async def test_memory_keeps_only_what_some_reader_has_still_to_hear():
    async with running(ListLog()) as bus, bus.listen() as events:
        for n in range(20):
            await bus.publish([draft("a", n)])
            await take(events, 1)
        assert len(bus._tail) <= 1  # noqa: SLF001 - the bound is on what is kept inside


async def test_a_failed_commit_reaches_the_publisher():
    class FullLog(ListLog):
        async def append(self, _: Sequence[Draft]) -> list[Event]:
            raise OSError("no space left")

    async def publish() -> None:
        async with running(FullLog()) as bus:
            await bus.publish([draft("a", 0)])

    with pytest.raises(ExceptionGroup) as failures:
        await publish()
    assert failures.group_contains(OSError, match="no space left")


async def test_a_refused_draft_is_its_publishers_fault_alone():
    async with running(ListLog()) as bus, asyncio.TaskGroup() as group:
        good = [group.create_task(bus.publish([draft(name, 0)])) for name in "ab"]
        with pytest.raises(DraftRefusedError, match="jumped"):
            await bus.publish([draft("jumped", 5)])
    assert sorted(task.result()[0].producer for task in good) == ["a", "b"]


async def test_work_of_lower_rank_goes_first_and_in_one_batch():
    quiescence, done, waiting = Quiescence(), [], {0: 0, 1: 0}

    def work(rank: int) -> Work:
        async def flush() -> None:
            done.append((rank, waiting[rank]))
            waiting[rank] = 0

        return Work(rank, lambda: waiting[rank] > 0, flush)

    async def ask(rank: int, turns: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        waiting[rank] += 1
        quiescence.touch()

    quiescence.add(work(1))
    quiescence.add(work(0))
    async with asyncio.TaskGroup() as group:
        pump = group.create_task(quiescence.run())
        for turns in range(5):
            group.create_task(ask(turns % 2, turns))
        for _ in range(100):
            await asyncio.sleep(0)
        pump.cancel()
    assert done == [(0, 3), (1, 2)]
