"""The gateway bounds what a client can make it keep, and tells of what it cannot mend."""

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from buses import RUN
from mosquitto import Mosquitto

from simctl.bus.broker import Broker
from simctl.bus.event import Draft, Event, Utterance
from simctl.bus.memory import MemoryBus
from simctl.bus.messages import EpisodeStarted
from simctl.bus.mqtt import Heard, Link
from simctl.bus.parcels import TO_CLIENT, Hello, Page, Said, Topics, Value, batches, dump
from simctl.bus.pieces import LARGEST, MOST, Whole, split
from simctl.bus.quiescence import Quiescence
from simctl.bus.workers import WorkerJoined
from simctl.store import gateway as module
from simctl.store.gateway import Gateway
from simctl.store.members import Members
from simctl.store.memory_log import ListLog
from simctl.store.policies import PolicyStore


class Town(Gateway):
    """A gateway without a broker: what it says to clients is kept."""

    def __init__(self, log: ListLog, bus: MemoryBus) -> None:
        super().__init__(log, bus, PolicyStore(Path("none")), recipe="", lease=15)
        self.said: list[tuple[str, Value]] = []
        self.acknowledged = 0

    def post(self, name: str, parcel: Value) -> None:
        self.said.append((name, parcel))

    def get(self, name: str, message: bytes) -> None:
        """Let a message arrive."""
        self.hear(Heard(Topics(RUN).inbox(name), message, self._acknowledge))

    def _acknowledge(self) -> None:
        self.acknowledged += 1

    async def settle(self) -> None:
        while self._tasks:
            await asyncio.wait(self._tasks)


@asynccontextmanager
async def town(log: ListLog) -> AsyncGenerator[Town]:
    quiescence = Quiescence()
    pump = asyncio.create_task(quiescence.run())
    yield Town(log, MemoryBus(log, quiescence))
    pump.cancel()


async def test_a_flood_is_bounded_and_what_is_too_much_is_as_if_lost(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(module, "_MOST_AT_ONCE", 20)
    log = ListLog(RUN)
    async with town(log) as here:
        for _ in range(1000):
            here.get("mallory", b"garbage")
        await here.settle()
        assert (log.last_seq, here.acknowledged) == (20, 1000)


async def test_of_few_clients_at_a_time_are_pieces_kept(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "_WHOLES", 3)
    whole = dump(Hello(session="s", machine="m" * 2 * LARGEST))
    first, *rest = split(whole)
    async with town(ListLog(RUN)) as here:
        for n in range(5):
            here.get(f"c{n}", first)
        for message in rest:
            here.get("c4", message)  # one of the last
            here.get("c0", message)  # forgotten
        await here.settle()
        assert [name for name, _ in here.said] == ["c4"]


async def test_a_large_say_that_is_none_is_answered_so_that_it_is_not_said_for_ever():
    say = {"kind": "say", "epoch": 1, "number": 7, "groups": [[{"text": "x" * 2 * LARGEST}]]}
    async with town(ListLog(RUN)) as here:
        for message in split(json.dumps(say).encode()):
            here.get("w", message)
        await here.settle()
        assert here.said == [("w", Said(epoch=1, number=7, refused="a draft is none"))]


@pytest.mark.parametrize("number", ["1e999", "-1", "null", '"7"', str(1 << 80)])
async def test_a_say_without_a_number_stops_nobody(number: str):
    text = f'{{"kind":"say","epoch":1,"number":{number},"groups":[[{{}}]]}}'
    log = ListLog(RUN)
    async with town(log) as here:
        here.get("w", split(text.encode())[0])
        await here.settle()
        assert ([event.kind for event in log.read()], here.acknowledged) == (
            ["message_rejected"],
            1,
        )


async def test_what_stops_a_helper_of_the_gateway_ends_the_run(mosquitto: Mosquitto):
    log, quiescence = ListLog(RUN), Quiescence()

    class Deaf(MemoryBus):
        @asynccontextmanager
        async def listen(self, name: str = "unnamed") -> AsyncGenerator[Iterator[Event]]:  # type: ignore[override]
            async def hear() -> AsyncGenerator[Event]:
                raise OSError(f"{name} cannot hear")
                yield

            yield hear()  # type: ignore[misc]

    pump = asyncio.create_task(quiescence.run())
    gateway = Gateway(log, Deaf(log, quiescence), PolicyStore(Path("none")), recipe="", lease=15)
    owner = Link(Broker.parse(mosquitto.url("owner")), "owner-deaf", gateway.hear)
    async with gateway.open(owner), asyncio.timeout(120):
        with pytest.raises(OSError, match="gateway cannot hear"):
            await gateway.failed()
    pump.cancel()


async def test_of_two_processes_that_take_one_name_at_once_the_later_has_it():
    log, held = ListLog(RUN), asyncio.Event()

    async def say(message: object) -> Event:
        await held.wait()
        assert isinstance(message, WorkerJoined)
        [event] = log.place([Draft("gateway", 0, log.last_seq, message, "gateway")])
        return event

    members = Members(say, 1)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(members.join("w", Hello(session="1", roles=("solver",))))
        second = group.create_task(members.join("w", Hello(session="2", roles=("solver",))))
        await asyncio.sleep(0)
        held.set()
    assert first.result() is None
    assert [each.session for each in members] == ["2"]
    assert second.result() in list(members)


def test_a_page_of_large_events_is_small_enough_to_be_heard():
    log = ListLog(RUN)
    said = Utterance((1,) * 5000, (70_000,) * 20_000, (-0.12345678901234567,) * 20_000)
    events = log.place(
        [
            Draft("w", 0, n, EpisodeStarted(name='"' * 50_000), "w", utterance=said)
            for n in range(40)
        ]
    )
    pages = [dump(Page(after=0, events=batch)) for batch in batches(events)]
    assert [event for page in pages for event in TO_CLIENT.validate_json(page).events] == events  # type: ignore[union-attr]
    whole = Whole()
    for page in pages:
        assert len(page) < MOST
        assert [whole.take(each) for each in split(page)][-1] == page
