"""What every bus promises, in one process and over a broker: log first, once, in order, to all."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from buses import RUN, Join, memory, mqtt
from mosquitto import Mosquitto

from simctl.bus.errors import RefusedError
from simctl.bus.event import Event
from simctl.store.memory_log import ListLog

Buses = Callable[[ListLog], AbstractAsyncContextManager[Join]]


@pytest.fixture(params=["memory", "mqtt"])
def open_bus(request: pytest.FixtureRequest) -> Buses:
    if request.param == "memory":
        return memory
    broker: Mosquitto = request.getfixturevalue("mosquitto")

    @asynccontextmanager
    async def over_mqtt(log: ListLog) -> AsyncGenerator[Join]:
        async with mqtt(log, broker) as join:
            yield join

    return over_mqtt


async def take(events: AsyncIterator[Event], count: int) -> list[Event]:
    return [await anext(events) for _ in range(count)]


async def test_nobody_hears_an_event_that_is_not_in_the_log(open_bus: Buses):
    log = ListLog(RUN)
    async with (
        open_bus(log) as join,
        join("a") as one,
        join("b") as two,
        two.bus.listen() as events,
        asyncio.TaskGroup() as group,
    ):
        group.create_task(one.bus.publish([one.draft(n) for n in range(50)]))
        for heard in await take(events, 50):
            assert heard == list(log.read())[heard.seq - 1]


async def test_publishing_returns_the_events_of_all_drafts_in_order(open_bus: Buses):
    log = ListLog(RUN)
    async with open_bus(log) as join, join("a") as one:
        events = await one.bus.publish([one.draft(n) for n in range(3)])
    assert [event.pseq for event in events] == [0, 1, 2]
    assert events == list(log.read())[-3:]


async def test_every_reader_hears_every_event_once_and_in_order(open_bus: Buses):
    async with (
        open_bus(ListLog(RUN)) as join,
        join("a") as one,
        join("b") as two,
        one.bus.listen() as here,
        two.bus.listen() as there,
    ):
        first = await one.bus.publish([one.draft(0), one.draft(1)])
        second = await two.bus.publish([two.draft(0)])
        assert await take(here, 3) == first + second
        assert await take(there, 3) == first + second


async def test_what_was_published_twice_is_heard_once(open_bus: Buses):
    async with open_bus(ListLog(RUN)) as join, join("a") as one, one.bus.listen() as events:
        [first] = await one.bus.publish([one.draft(0)])
        [again] = await one.bus.publish([one.draft(0)])
        [other] = await one.bus.publish([one.draft(1)])
        assert again == first
        assert await take(events, 2) == [first, other]


async def test_a_reader_hears_nothing_from_before_it_listened(open_bus: Buses):
    async with open_bus(ListLog(RUN)) as join, join("a") as one, join("b") as two:
        await one.bus.publish([one.draft(n) for n in range(20)])
        async with two.bus.listen() as events:
            [later] = await one.bus.publish([one.draft(20)])
            assert await anext(events) == later


async def test_what_one_says_at_the_same_time_keeps_its_order(open_bus: Buses):
    log = ListLog(RUN)
    async with (
        open_bus(log) as join,
        join("a") as one,
        join("b") as two,
        asyncio.TaskGroup() as group,
    ):
        for n in range(100):
            for each in (one, two):
                group.create_task(each.bus.publish([each.draft(n)]))
    for name in "ab":
        assert [e.pseq for e in log.read() if e.producer == name] == list(range(100))


async def test_a_refused_draft_is_its_publishers_fault_alone(open_bus: Buses):
    log = ListLog(RUN)
    async with (
        open_bus(log) as join,
        join("a") as one,
        join("jumped") as bad,
        asyncio.TaskGroup() as group,
    ):
        good = group.create_task(one.bus.publish([one.draft(0)]))
        with pytest.raises(RefusedError, match="jumped"):
            await bad.bus.publish([bad.draft(5)])
        [event] = await good
        assert event.producer == "a"


async def test_a_slow_reader_misses_nothing(open_bus: Buses):
    async with (
        open_bus(ListLog(RUN)) as join,
        join("a") as one,
        join("b") as two,
        two.bus.listen() as events,
        asyncio.TaskGroup() as group,
    ):
        group.create_task(one.bus.publish([one.draft(n) for n in range(300)]))
        heard = []
        for _ in range(300):
            heard.append(await anext(events))
            await asyncio.sleep(0.001)
    assert [event.pseq for event in heard] == list(range(300))
