"""The two buses, so that one set of tests can hold both to what a bus promises."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from mosquitto import Mosquitto

from simctl.bus.broker import Broker
from simctl.bus.bus import Bus
from simctl.bus.event import Draft
from simctl.bus.memory import MemoryBus
from simctl.bus.messages import AnyMessage, EpisodeStarted
from simctl.bus.mqtt import Link
from simctl.bus.quiescence import Quiescence
from simctl.bus.remote import RemoteBus
from simctl.store.gateway import Gateway
from simctl.store.memory_log import ListLog
from simctl.store.policies import PolicyStore

RUN = "a run/with + and #"


@dataclass
class Speaker:
    """Somebody on a bus, who numbers what it says."""

    bus: Bus
    name: str
    epoch: int = 0

    def draft(self, pseq: int, message: AnyMessage | None = None) -> Draft:
        """Return what it says under a number."""
        said = message or EpisodeStarted(name=f"{self.name}{pseq}")
        return Draft(self.name, self.epoch, pseq, said, sender=self.name)


Join = Callable[[str], AbstractAsyncContextManager[Speaker]]


@asynccontextmanager
async def memory(log: ListLog) -> AsyncGenerator[Join]:
    """Give who joins a place in this process."""
    quiescence = Quiescence()
    bus = MemoryBus(log, quiescence, log.last_seq)

    @asynccontextmanager
    async def join(name: str) -> AsyncGenerator[Speaker]:
        yield Speaker(bus, name)

    pump = asyncio.create_task(quiescence.run())
    yield join
    pump.cancel()


@asynccontextmanager
async def mqtt(
    log: ListLog, mosquitto: Mosquitto, port: int | None = None, *, owner: int | None = None
) -> AsyncGenerator[Join]:
    """Give who joins a client at a broker, through `port`; the log's owner goes through `owner`."""
    quiescence = Quiescence()
    bus = MemoryBus(log, quiescence, log.last_seq)
    gateway = Gateway(log, bus, PolicyStore(Path("none")), recipe="", lease=15)
    link = Link(Broker.parse(mosquitto.url("owner", owner)), "owner-test", gateway.hear)

    @asynccontextmanager
    async def join(name: str) -> AsyncGenerator[Speaker]:
        broker = Broker.parse(mosquitto.url("worker", port))
        async with AsyncExitStack() as stack:
            client = RemoteBus(broker, log.run, name)
            await stack.enter_async_context(client.open())
            await client.join(["solver"])
            running = asyncio.create_task(client.run())
            stack.callback(running.cancel)
            yield Speaker(client, name, client.epoch)

    pump = asyncio.create_task(quiescence.run())
    async with gateway.open(link):
        yield join
    pump.cancel()
