"""A run is announced while it is live, and its workers hear of its end, whatever is lost."""

import asyncio

import pytest
from buses import RUN, mqtt
from mosquitto import Mosquitto
from proxy import Faults, Proxy

from simctl.bus import remote
from simctl.bus.broker import Broker
from simctl.bus.errors import RefusedError
from simctl.bus.parcels import Live, Topics, dump
from simctl.bus.remote import RemoteBus, RunOverError
from simctl.store.memory_log import ListLog

TOPIC = Topics(RUN).run


def client(mosquitto: Mosquitto) -> RemoteBus:
    return RemoteBus(Broker.parse(mosquitto.url("worker")), RUN, "w")


async def announce(mosquitto: Mosquitto, payload: bytes) -> None:
    async with mosquitto.client("owner", "another") as owner:
        await owner.publish(TOPIC, payload, qos=1, retain=True)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "RESEND", 0.1)


async def test_a_run_begins_though_its_first_announcements_are_lost(mosquitto: Mosquitto):
    async with Proxy(mosquitto.port) as proxy, asyncio.timeout(120):
        proxy.inject(up=Faults(drop=1, topic="/run", at_most=2))
        async with mqtt(ListLog(RUN), mosquitto, owner=proxy.port) as join, join("a") as a:
            assert len(await a.bus.publish([a.draft(0)])) == 1
        assert proxy.total("drop") == 2


async def test_who_joins_a_run_that_nobody_announces_hears_that_it_is_over(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(remote, "_JOINING", 0.3)
    await announce(mosquitto, b"")
    bus = client(mosquitto)
    async with bus.open(), asyncio.timeout(120):
        with pytest.raises(RunOverError):
            await bus.join(["solver"])


async def test_who_joins_a_run_whose_owner_is_silent_is_told_that_nobody_answers(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(remote, "_JOINING", 2)  # in which it has to hear of the run
    await announce(mosquitto, dump(Live(run=RUN)))
    bus = client(mosquitto)
    async with bus.open(), asyncio.timeout(120):
        with pytest.raises(RefusedError, match="nobody answers"):
            await bus.join(["solver"])


async def test_a_worker_that_did_not_hear_the_end_hears_that_the_run_is_not_announced(
    mosquitto: Mosquitto,
):
    async with mqtt(ListLog(RUN), mosquitto), asyncio.timeout(120):
        bus = client(mosquitto)
        async with bus.open():
            await bus.join(["solver"])
            running = asyncio.create_task(bus.run())
            await announce(mosquitto, b"")
            await asyncio.wait([running])
    with pytest.raises(ExceptionGroup) as ended:
        await running
    assert ended.group_contains(RunOverError)
