import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from simctl.bus.event import Draft, Event
from simctl.bus.memory import MemoryBus, ReaderCutOffError
from simctl.bus.messages import EpisodeStarted
from simctl.bus.quiescence import Quiescence
from simctl.store.memory_log import ListLog

CAPACITY = 50
PRODUCERS = 8


class Watched(MemoryBus):
    """A bus that notes how much it has kept at most, and whom it has cut off."""

    def __init__(self, quiescence: Quiescence, patience: float) -> None:
        self.cut_off: list[ReaderCutOffError] = []
        super().__init__(
            ListLog(), quiescence, capacity=CAPACITY, patience=patience, report=self.cut_off.append
        )
        self.kept = 0

    async def publish(self, drafts: list[Draft]) -> list[Event]:
        self.kept = max(self.kept, len(self._tail))
        return await super().publish(drafts)


@asynccontextmanager
async def running(patience: float = 10) -> AsyncIterator[Watched]:
    quiescence = Quiescence()
    async with asyncio.TaskGroup() as group:
        pump = group.create_task(quiescence.run())
        yield Watched(quiescence, patience)
        pump.cancel()


def draft(producer: str, pseq: int) -> Draft:
    return Draft(producer, 0, pseq, EpisodeStarted(name=producer), sender=producer)


async def produce(bus: MemoryBus, count: int, name: str = "a") -> None:
    for pseq in range(count):
        await bus.publish([draft(name, pseq)])


async def hear(events: AsyncIterator[Event], count: int, seconds: float = 0) -> list[int]:
    heard = []
    while len(heard) < count:
        heard.append((await anext(events)).seq)
        await asyncio.sleep(seconds)
    return heard


@pytest.mark.parametrize("messages", [400, pytest.param(2000, marks=pytest.mark.slow)])
async def test_a_slow_reader_slows_producers_and_hears_all_in_order(messages: int):
    async with running() as bus, bus.listen() as slow, asyncio.TaskGroup() as group:
        for each in range(PRODUCERS):
            group.create_task(produce(bus, messages // PRODUCERS, f"p{each}"))
        heard = await hear(slow, messages, seconds=0.001)
    assert heard == list(range(1, messages + 1))
    assert bus.kept <= CAPACITY + PRODUCERS
    assert not bus.cut_off


async def test_a_stuck_reader_is_cut_off_and_reported_and_everybody_else_goes_on():
    async with running(patience=0.2) as bus, bus.listen("stuck") as stuck, bus.listen() as other:
        producing = asyncio.create_task(produce(bus, 300))
        heard = [event.seq for event in [await anext(stuck) for _ in range(7)]]
        assert await hear(other, 300) == list(range(1, 301))
        await producing
        with pytest.raises(ReaderCutOffError, match=r"'stuck'.*before event 8:") as cut:
            await anext(stuck)
    assert bus.cut_off == [cut.value]
    assert heard == list(range(1, cut.value.seq))


async def test_a_reader_that_publishes_does_not_wait_for_itself():
    async with running(patience=0.2) as bus, bus.listen() as events, asyncio.TaskGroup() as group:
        group.create_task(bus.publish([draft("asks", pseq) for pseq in range(300)]))
        for heard in range(600):
            if (await anext(events)).producer == "asks":
                await bus.publish([draft("answers", heard)])
    assert not bus.cut_off


async def test_two_stuck_readers_do_not_hold_each_other():
    async with running(patience=0.1) as bus, bus.listen("one"), bus.listen("two"):
        await produce(bus, 300)
    assert sorted(each.reader for each in bus.cut_off) == ["one", "two"]


async def test_a_reader_that_leaves_holds_nobody_back():
    async with running(patience=10_000) as bus:
        async with bus.listen():
            producing = asyncio.create_task(produce(bus, 300))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.shield(producing), timeout=0.2)
        await producing
    assert not bus.cut_off
