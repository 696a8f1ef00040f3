"""A proxy between MQTT 5 clients and a broker that does to PUBLISH packets what networks do.

Faults are drawn by dice, one at most for each packet: the same packets on the same connections, in
the order in which these were made, meet the same faults. All other packets pass untouched.

| fault | what happens |
|---|---|
| drop | swallowed; at QoS 1 its sender gets the PUBACK, as from a broker that died just after it |
| duplicate | sent twice, the second time with DUP; its sender gets one PUBACK for both |
| delay | it and all behind it wait |
| reorder | held back until the next PUBLISH has passed; if none comes, it was a delay |
| corrupt | up to four bytes of the payload are others |
| cut | passes, and both sides lose the connection |
| tear | half of it passes, and both sides lose the connection |

Packets of QoS 2 are not dropped or duplicated: nothing here uses them.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from threading import Thread
from typing import Literal, Self, get_args

from packets import PUBACK, PUBLISH, Packet

from simctl.bus.dice import dice

Way = Literal["up", "down"]  # up: from a client to the broker
Fault = Literal["drop", "duplicate", "delay", "reorder", "corrupt", "cut", "tear"]
FAULTS: tuple[Fault, ...] = get_args(Fault)


@dataclass(frozen=True)
class Faults:
    """How likely each fault is for a packet, and which packets it can befall."""

    drop: float = 0
    duplicate: float = 0
    delay: float = 0
    reorder: float = 0
    corrupt: float = 0
    cut: float = 0
    tear: float = 0
    seconds: float = 0.05  # a delay, and the longest that a packet is held back
    topic: str = ""  # a part of the topics that it can befall
    at_most: int | None = None  # faults, then no more

    def draw(self, chance: Random) -> Fault | None:
        """Return what befalls a packet."""
        at = chance.random()
        for fault in FAULTS:
            at -= getattr(self, fault)
            if at < 0:
                return fault
        return None


NONE = Faults()


class Proxy:
    """Listens on `port`, and passes on to a broker. `async with`, or `with in_thread(...)`.

    `injected` counts by (way, fault) what was done, `passed` by way the PUBLISH packets that came,
    and `connections` those that reached the broker.

    Args:
        broker: the port of the broker, which may be killed and started again.
        seed: of the dice.
    """

    def __init__(self, broker: int, *, seed: int = 0, host: str = "127.0.0.1") -> None:
        self.host, self.port = host, 0
        self.injected: Counter[tuple[Way, Fault]] = Counter()
        self.passed: Counter[Way] = Counter()
        self.connections = 0
        self.refusing = False  # new connections are closed at once
        self._broker, self._seed = broker, seed
        self._links: dict[asyncio.Task[None], tuple[_Lane, _Lane]] = {}
        self.inject()

    def inject(self, *, up: Faults = NONE, down: Faults = NONE) -> None:
        """Inject these faults from now on, into open connections too; without arguments none."""
        self._faults: dict[Way, Faults] = {"up": up, "down": down}
        self._done: Counter[Way] = Counter()

    def cut(self) -> None:
        """Cut every connection now."""
        self._loop.call_soon_threadsafe(self._cut)

    def block(self) -> None:
        """Let nothing pass either way from now on, with connections open: a network that hangs."""
        self._loop.call_soon_threadsafe(self.open.clear)

    def unblock(self) -> None:
        """Let everything pass again."""
        self._loop.call_soon_threadsafe(self.open.set)

    def total(self, fault: Fault) -> int:
        """Return how often a fault was injected, both ways."""
        return self.injected["up", fault] + self.injected["down", fault]

    def draw(self, way: Way, packet: Packet, chance: Random) -> tuple[Fault | None, float]:
        """Return what befalls a PUBLISH, and for how many seconds."""
        self.passed[way] += 1
        faults = self._faults[way]
        fault = faults.draw(chance)
        if (
            fault is None
            or faults.topic not in packet.topic
            or self._done[way] == faults.at_most
            or (packet.qos > 1 and fault in {"drop", "duplicate"})
        ):
            return None, 0
        self._done[way] += 1
        return fault, faults.seconds

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self.open = asyncio.Event()
        self.open.set()
        self._server = await asyncio.start_server(self._serve, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self._cut()
        tasks = list(self._links)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _cut(self) -> None:
        for up, down in self._links.values():
            up.writer.transport.abort()
            down.writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self.refusing:
                raise ConnectionRefusedError
            reader_, writer_ = await asyncio.open_connection(self.host, self._broker)
        except OSError:
            writer.transport.abort()
            await _close(writer)
            return
        number, self.connections = self.connections, self.connections + 1
        up = _Lane("up", dice(self._seed, "up", number), reader, writer_, self)
        down = _Lane("down", dice(self._seed, "down", number), reader_, writer, self)
        task = asyncio.current_task()
        assert task is not None
        self._links[task] = up, down
        lanes = [asyncio.create_task(up.run(down)), asyncio.create_task(down.run(up))]
        try:
            await asyncio.wait(lanes, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for lane in lanes:
                lane.cancel()
            await asyncio.gather(*lanes, return_exceptions=True)
            del self._links[task]
            await _close(writer, writer_)


class _Lane:
    """One way of one connection."""

    def __init__(
        self,
        way: Way,
        chance: Random,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        proxy: Proxy,
    ) -> None:
        self.writer = writer
        self.doubled: Counter[bytes] = (
            Counter()
        )  # of each number, PUBACKs to come that are too many
        self._way, self._dice, self._reader, self._proxy = way, chance, reader, proxy
        self._held: Packet | None = None

    async def run(self, back: "_Lane") -> None:
        """Pass packets on until the connection ends or is cut; `back` is the other way."""
        while (packet := await Packet.read(self._reader)) is not None:
            await self._proxy.open.wait()
            if packet.kind == PUBLISH:
                fault, seconds = self._proxy.draw(self._way, packet, self._dice)
                await self._pass(packet, fault, seconds, back)
                if fault in {"cut", "tear"}:
                    return
            elif packet.kind == PUBACK and back.doubled[packet.number]:
                back.doubled[packet.number] -= 1
            else:
                self.writer.write(packet.wire)
            try:
                await self.writer.drain()
            except OSError:
                return

    async def _pass(
        self, packet: Packet, fault: Fault | None, seconds: float, back: "_Lane"
    ) -> None:
        if fault == "reorder" and self._held is None:
            self._held = packet
            asyncio.get_running_loop().call_later(seconds, self._release, packet, "delay")
            return  # counted when it is known what became of it
        if fault == "delay":
            await asyncio.sleep(seconds)
        self.writer.write(self._wire(packet, fault))
        if fault == "drop" and packet.qos:
            back.writer.write(packet.acknowledged())
        elif fault == "duplicate" and packet.qos:
            self.doubled[packet.number] += 1
        if fault is not None and fault != "reorder":
            self._proxy.injected[self._way, fault] += 1
        if self._held is not None:
            self._release(self._held, "reorder")

    def _wire(self, packet: Packet, fault: Fault | None) -> bytes:
        match fault:
            case "drop":
                return b""
            case "duplicate":
                return packet.wire + packet.again().wire
            case "corrupt":
                return packet.corrupted(self._dice).wire
            case "tear":
                return packet.wire[: len(packet.wire) // 2]
            case _:
                return packet.wire

    def _release(self, packet: Packet, what: Fault) -> None:
        if self._held is packet and not self.writer.is_closing():
            self._held = None
            self._proxy.injected[self._way, what] += 1
            self.writer.write(packet.wire)


async def _close(*writers: asyncio.StreamWriter) -> None:
    for writer in writers:
        writer.close()
    await asyncio.gather(*(writer.wait_closed() for writer in writers), return_exceptions=True)


@contextmanager
def in_thread(proxy: Proxy) -> Iterator[Proxy]:
    """Run a proxy beside a test that does not await, such as one that waits for processes."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, name="proxy")
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(proxy.__aenter__(), loop).result()
        yield proxy
        asyncio.run_coroutine_threadsafe(proxy.__aexit__(), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
