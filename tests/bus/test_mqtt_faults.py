"""P2, P3, P7, P8, P14 over a broker: what a network and a broker do to messages changes no log."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator

import pytest
from buses import RUN, Speaker, mqtt
from invariants import assert_kept, assert_whole
from mosquitto import Mosquitto
from proxy import NONE, Faults, Proxy

from simctl.bus import feed, remote
from simctl.bus.errors import RefusedError
from simctl.bus.event import Event
from simctl.bus.messages import EpisodeStarted, MessageRejected
from simctl.bus.parcels import Alive, Say, Topics, dump
from simctl.bus.pieces import MOST, split
from simctl.store.memory_log import ListLog

FAULTS = {
    "drop": Faults(drop=0.15),
    "duplicate": Faults(duplicate=0.3),
    "delay": Faults(delay=0.1, seconds=0.03),
    "reorder": Faults(reorder=0.2, seconds=0.03),
    "corrupt": Faults(corrupt=0.15),
    "cut": Faults(cut=0.05),
    "tear": Faults(tear=0.05),
    "all": Faults(
        drop=0.05, duplicate=0.1, delay=0.05, reorder=0.1, corrupt=0.05, cut=0.02, tear=0.02,
        seconds=0.02,
    ),
}  # fmt: skip
EVENTS, PUBLISHERS = 25, 3


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "RESEND", 0.15)
    monkeypatch.setattr(remote, "BEAT", 0.1)
    monkeypatch.setattr(feed, "_AGAIN", 0.15)


async def speak(one: Speaker, count: int = EVENTS) -> list[Event]:
    """Say things one after another, and return what was acknowledged."""
    told = []
    for pseq in range(count):
        told += await one.bus.publish([one.draft(pseq)])
    return told


async def hear(events: AsyncIterator[Event], names: str) -> list[Event]:
    """Hear until everybody of `names` has said everything."""
    heard, missing = [], {(name, n) for name in names for n in range(EVENTS)}
    while missing:
        event = await anext(events)
        heard.append(event)
        missing.discard((event.producer, event.pseq))
    return heard


async def rejected(log: ListLog) -> None:
    while not any(event.kind == "message_rejected" for event in log.read()):  # noqa: ASYNC110 - the log has no event to wait for
        await asyncio.sleep(0.01)


def assert_heard(log: ListLog, heard: list[Event]) -> None:
    """A listener heard all of the log since it began, in order."""
    first = heard[0].seq
    assert heard == list(log.read(first - 1, heard[-1].seq))


@pytest.mark.parametrize("fault", FAULTS)
async def test_whatever_the_way_does_everything_is_in_the_log_once_and_heard_in_order(
    mosquitto: Mosquitto, fault: str
):
    log = ListLog(RUN)
    async with (
        Proxy(mosquitto.port, seed=sum(map(ord, fault))) as proxy,
        mqtt(log, mosquitto, proxy.port) as join,
        join("a") as a,
        join("b") as b,
        join("c") as c,
        join("reader") as reader,
        reader.bus.listen() as events,
    ):
        proxy.inject(up=FAULTS[fault], down=FAULTS[fault])
        async with asyncio.timeout(120), asyncio.TaskGroup() as group:
            speaking = [group.create_task(speak(each)) for each in (a, b, c)]
            hearing = group.create_task(hear(events, "abc"))
        proxy.inject()
        assert sum(proxy.injected.values()) > 0
    assert_kept(log, [event for each in speaking for event in each.result()])
    assert_heard(log, hearing.result())
    said = [(event.producer, event.pseq) for event in log.read() if event.kind == "episode_started"]
    assert sorted(said) == sorted((name, n) for name in "abc" for n in range(EVENTS))


@pytest.fixture
def fragile() -> Iterator[Mosquitto]:
    """A broker of the test's own, to be killed."""
    with Mosquitto() as started:
        yield started


async def test_a_broker_that_is_killed_and_started_again_loses_and_doubles_nothing(
    fragile: Mosquitto,
):
    log = ListLog(RUN)
    async with (
        mqtt(log, fragile) as join,
        join("a") as a,
        join("reader") as reader,
        reader.bus.listen() as events,
        asyncio.timeout(120),
        asyncio.TaskGroup() as group,
    ):
        speaking = group.create_task(speak(a))
        hearing = group.create_task(hear(events, "a"))
        for _ in range(2):
            await asyncio.sleep(0.1)
            await asyncio.to_thread(fragile.kill)
            await asyncio.to_thread(fragile.start)
    assert_kept(log, speaking.result())
    assert_heard(log, hearing.result())


async def test_a_broker_that_hangs_is_waited_for(fragile: Mosquitto):
    log = ListLog(RUN)
    async with mqtt(log, fragile) as join, join("a") as a, asyncio.timeout(120):
        fragile.pause()
        said = asyncio.create_task(speak(a, 3))
        await asyncio.sleep(0.5)
        assert not said.done()
        fragile.resume()
        assert_kept(log, await said)


async def test_a_listener_that_stops_hears_everything_when_it_goes_on(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(feed, "CAPACITY", 20)  # most does not fit, and is asked for
    log = ListLog(RUN)
    async with (
        mqtt(log, mosquitto) as join,
        join("a") as a,
        join("reader") as reader,
        reader.bus.listen() as events,
        asyncio.timeout(120),
    ):
        first = await a.bus.publish([a.draft(0)])
        assert await anext(events) == first[0]
        told = await a.bus.publish([a.draft(n) for n in range(1, 200)])
        await asyncio.sleep(0.2)
        assert [await anext(events) for _ in told] == told


async def test_what_is_large_travels_and_what_is_too_large_is_refused(mosquitto: Mosquitto):
    log = ListLog(RUN)
    async with mqtt(log, mosquitto) as join, join("a") as a, asyncio.timeout(120):
        [event] = await a.bus.publish([a.draft(0, EpisodeStarted(name="x" * 1_000_000))])
        assert len(event.payload) > 1_000_000
        with pytest.raises(RefusedError, match="too large"):
            await a.bus.publish([a.draft(1, EpisodeStarted(name="x" * (MOST + 1)))])
        [event] = await a.bus.publish([a.draft(1)])  # and the next thing goes its way
    assert_kept(log, [event])


async def test_who_speaks_as_another_is_refused_and_written_down(mosquitto: Mosquitto):
    log = ListLog(RUN)
    async with mqtt(log, mosquitto) as join, join("a") as a, join("b") as b, asyncio.timeout(120):
        with pytest.raises(RefusedError, match="'a' speaks as 'b'"):
            await a.bus.publish([b.draft(0)])
        [event] = await b.bus.publish([b.draft(0)])
        assert event.producer == "b"
    kept = {(event.producer, event.kind) for event in log.read() if event.sender == "gateway"}
    assert ("gateway", "message_rejected") in kept


async def test_an_epoch_that_is_over_is_refused_and_written_down(mosquitto: Mosquitto):
    log = ListLog(RUN)
    async with mqtt(log, mosquitto) as join, asyncio.timeout(120):
        async with join("a") as before:
            late = before.draft(0)
        async with join("a") as a:
            say = Say(epoch=late.epoch, number=1, groups=((late,),))
            async with mosquitto.client("worker", "a") as raw:
                await raw.publish(Topics(RUN).inbox("a"), split(dump(say))[0], qos=1)
            await rejected(log)
            [event] = await a.bus.publish([a.draft(0)])
    assert event.epoch > late.epoch
    assert not any(event.epoch == late.epoch and event.producer == "a" for event in log.read())


def _sealed(body: object) -> bytes:
    return split(json.dumps(body).encode())[0]


NONSENSE: dict[str, bytes] = {
    "nothing": b"",
    "garbage": bytes(range(256)),
    "no check sum": b'{"kind":"alive","epoch":1,"number":1}',
    "half of a parcel": split(dump(Alive(epoch=1, number=1)))[0][:-5],
    "no parcel": _sealed([1, 2, 3]),
    "an unknown kind": _sealed({"kind": "nonsense"}),
    "a wrong type": _sealed({"kind": "alive", "epoch": "many", "number": 1}),
    "a number too large": _sealed({"kind": "want", "after": 1 << 80}),
    "NaN": _sealed({"kind": "hello", "session": "s", "capacity": float("nan")}),
    "a lone surrogate": _sealed({"kind": "hello", "session": "\ud800", "roles": ["nobody"]}),
    "100,000 deep": split(b"[" * 100_000 + b"]" * 100_000)[0],
    "a piece of nothing": split(b'{"kind":"piece"')[0],
    "a draft that is none": _sealed({"kind": "say", "epoch": 1, "number": 1, "groups": [[{}]]}),
}


@pytest.mark.parametrize("nonsense", NONSENSE)
async def test_nonsense_is_kept_with_its_reason_and_stops_nobody(
    mosquitto: Mosquitto, nonsense: str
):
    log = ListLog(RUN)
    async with mqtt(log, mosquitto) as join, join("a") as a, asyncio.timeout(120):
        async with mosquitto.client("owner", "raw") as raw:
            await raw.publish(Topics(RUN).inbox("raw"), NONSENSE[nonsense], qos=1)
        await rejected(log)
        [event] = await a.bus.publish([a.draft(0)])
        assert event.producer == "a"
    [kept] = [event.message for event in log.read() if event.kind == "message_rejected"]
    assert isinstance(kept, MessageRejected)
    assert kept.reason.startswith("'raw'")
    assert kept.length == len(NONSENSE[nonsense])
    assert_whole(log)


def test_the_faults_of_this_file_are_those_of_the_proxy():
    injected = {name for name in FAULTS if name != "all"}
    assert injected == {name for name in vars(NONE) if name not in ("seconds", "topic", "at_most")}
