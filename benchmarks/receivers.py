"""Receivers: processes that take what a publisher sends through a broker, and answer it.

One owns a run with its log, as `simctl run --bus` does; the others are aiomqtt alone, without one.
"""

import asyncio
import multiprocessing
import socket
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import aiomqtt

from simctl.bus.broker import Broker
from simctl.bus.memory import MemoryBus
from simctl.bus.mqtt import Link
from simctl.bus.parcels import client_of
from simctl.bus.quiescence import Quiescence
from simctl.store.duck import DuckLog
from simctl.store.gateway import Gateway
from simctl.store.policies import PolicyStore

RUN = "bench"
COUNTED, ECHOED = "simctl/counted", "simctl/echoed"  # topics that the broker lets workers use
END = b"end"
KEY = 8  # bytes that say which message is answered
WINDOW = 100


@dataclass(frozen=True)
class Receiver:
    """A process that receives: its pid, and the pipe that stops it and brings what it found."""

    pid: int
    pipe: Connection


@contextmanager
def receiver(play: object, *given: object) -> Iterator[Receiver]:
    """Start a process that plays `play(pipe, *given)`, and end it."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=play, args=(theirs, *given))
    process.start()
    theirs.close()
    ours.recv()  # it is ready
    try:
        yield Receiver(process.pid or 0, ours)
    finally:
        ours.send("stop")
        process.join()


@asynccontextmanager
async def owning(url: str, log: DuckLog) -> AsyncGenerator[tuple[MemoryBus, Quiescence, Gateway]]:
    """Be the owner of a run at a broker."""
    quiescence = Quiescence()
    bus = MemoryBus(log, quiescence, log.last_seq)
    gateway = Gateway(log, bus, PolicyStore(log.path.parent), recipe="", lease=15)
    link = Link(Broker.parse(url), "owner-bench", gateway.hear)
    pump = asyncio.create_task(quiescence.run())
    async with gateway.open(link):
        yield bus, quiescence, gateway
    pump.cancel()


def own(pipe: Connection, url: str, path: Path) -> None:
    """Own a run whose log is at `path`, until told to stop."""

    async def run(log: DuckLog) -> None:
        async with owning(url, log):
            pipe.send("ready")
            await asyncio.to_thread(pipe.recv)

    with DuckLog(path, run=RUN) as log:
        asyncio.run(run(log))


def raw(url: str, name: str) -> aiomqtt.Client:
    """Return aiomqtt's client, set up as well as it can be: no Nagle, a window of 100."""
    broker = Broker.parse(url)
    client = aiomqtt.Client(
        broker.host,
        broker.port,
        username=broker.username,
        password=broker.password.get_secret_value() if broker.password else None,
        identifier=name,
        protocol=aiomqtt.ProtocolVersion.V5,
        max_inflight_messages=WINDOW,
        socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
    )
    client.pending_calls_threshold = 10_000
    return client


def count(pipe: Connection, url: str) -> None:
    """Count messages; say how many there were after each one that ends a measurement."""

    async def run() -> None:
        async with raw(url, "counter") as client:
            await client.subscribe(f"{COUNTED}/in/+", qos=1)
            counting = asyncio.create_task(_count(client))
            pipe.send("ready")
            await asyncio.to_thread(pipe.recv)
            counting.cancel()

    asyncio.run(run())


async def _count(client: aiomqtt.Client) -> None:
    heard = 0
    async for message in client.messages:
        if message.payload == END:
            await client.publish(_back(COUNTED, message), str(heard).encode(), qos=1)
            heard = 0
        else:
            heard += 1


def echo(pipe: Connection, url: str) -> None:
    """Answer each message with its first bytes, on the topic of whoever sent it."""

    async def run() -> None:
        async with raw(url, "echo") as client, asyncio.TaskGroup() as group:
            await client.subscribe(f"{ECHOED}/in/+", qos=1)
            echoing = group.create_task(_echo(client, group))
            pipe.send("ready")
            await asyncio.to_thread(pipe.recv)
            echoing.cancel()

    asyncio.run(run())


async def _echo(client: aiomqtt.Client, group: asyncio.TaskGroup) -> None:
    async for message in client.messages:
        answer = bytes(message.payload[:KEY])
        group.create_task(client.publish(_back(ECHOED, message), answer, qos=1))


def _back(base: str, message: aiomqtt.Message) -> str:
    return f"{base}/to/{client_of(message.topic.value)}"
