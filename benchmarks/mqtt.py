"""What crosses a broker in a second: durable with an answer, against aiomqtt alone without a log.

simctl: publishers join a run as workers do; its owner, another process, checks each event of about
600 bytes, commits it to a log in DuckDB and answers where it is. aiomqtt: as many bytes at QoS 1,
to a process that counts them (one way), or that sends a short answer back to each (answered). One
mosquitto for all, interleaved A B C A B C; ratios are medians of pairs, the first per
second and the others per CPU-second; `per CPU-s` counts
publishers, receiver and broker. What was answered and is not in the log is lost, what is there
twice is doubled.

    PYTHONPATH=src:tests:benchmarks python benchmarks/mqtt.py [--repeats 5] [--seconds 1]
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from itertools import count
from pathlib import Path

from log import draft
from mosquitto import Mosquitto
from receivers import COUNTED, ECHOED, END, KEY, RUN, Receiver, echo, own, raw, receiver
from receivers import count as count_them

from simctl.bus.broker import Broker
from simctl.bus.parcels import Say, dump
from simctl.bus.remote import RemoteBus
from simctl.store.duck import DuckLog

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
MB = 1 << 20
BYTES = dump(Say(epoch=1, number=1, groups=((draft("bench-00-000", 100),),)))
NAMES = count()
Turn = Callable[[int], Awaitable[object]]


@dataclass(frozen=True)
class Shape:
    """How it is published: connections, coroutines of each, and messages that go together."""

    connections: int
    coroutines: int
    group: int


SHAPES = [Shape(1, n, group) for n in (1, 8, 64) for group in (1, 8)] + [Shape(100, 1, 1)]


@dataclass
class Found:
    """What a measurement found: messages, and seconds of the clock and of all three processes."""

    messages: int
    wall: float
    cpu: float
    latencies: list[float]

    @property
    def per_second(self) -> float:
        """Messages a second."""
        return self.messages / self.wall

    @property
    def per_cpu(self) -> float:
        """Messages for each second of a processor."""
        return self.messages / self.cpu


@dataclass
class Bench:
    """The broker, the receivers, and how long a measurement lasts."""

    mosquitto: Mosquitto
    owner: Receiver
    counter: Receiver
    echo: Receiver
    seconds: float

    async def measure(self, side: "Side", shape: Shape) -> Found:
        """Publish through `shape.connections` at once for a while."""
        async with AsyncExitStack() as stack:
            turns = [
                await side.open(self, stack, f"b{next(NAMES)}") for _ in range(shape.connections)
            ]
            pids = (os.getpid(), self.mosquitto.pid, getattr(self, side.receiver).pid)
            cpu, begun = sum(map(spent, pids)), time.perf_counter()
            until, latencies, done = begun + self.seconds, [], 0

            async def publish(turn: Turn) -> None:
                nonlocal done
                while (now := time.perf_counter()) < until:
                    await turn(shape.group)
                    latencies.append(time.perf_counter() - now)
                    done += shape.group

            async with asyncio.TaskGroup() as group:
                for turn in turns * shape.coroutines:
                    group.create_task(publish(turn))
            if side.end is not None:
                heard = await side.end(self)
                assert heard == done, f"{done} were sent and {heard} came"
            wall = time.perf_counter() - begun
            return Found(done, wall, sum(map(spent, pids)) - cpu, latencies)


@dataclass(frozen=True)
class Side:
    """Somebody who publishes; `open` connects and returns what publishes so many messages."""

    name: str
    receiver: str
    open: Callable[[Bench, AsyncExitStack, str], Awaitable[Turn]]
    end: Callable[[Bench], Awaitable[int]] | None = None


async def durable(bench: Bench, stack: AsyncExitStack, name: str) -> Turn:
    """Take part in the run; a turn is over when the owner says where its events are."""
    bus = RemoteBus(Broker.parse(bench.mosquitto.url("worker")), RUN, name)
    await stack.enter_async_context(bus.open())
    await bus.join(["solver"])
    running, numbers = asyncio.create_task(bus.run()), count()
    stack.callback(running.cancel)
    stack.callback(bus.leave, "it is measured")

    async def turn(size: int) -> None:
        drafts = [replace(draft(name, next(numbers)), epoch=bus.epoch) for _ in range(size)]
        assert len(await bus.publish(drafts)) == size

    return turn


async def one_way(bench: Bench, stack: AsyncExitStack, name: str) -> Turn:
    """Publish; a turn is over when the broker has its messages."""
    client = await stack.enter_async_context(raw(bench.mosquitto.url("worker"), name))

    async def turn(size: int) -> None:
        await asyncio.gather(
            *(client.publish(f"{COUNTED}/in/{name}", BYTES, qos=1) for _ in range(size))
        )

    return turn


async def all_came(bench: Bench) -> int:
    """Wait until the counter has all; return how many."""
    name = f"b{next(NAMES)}"
    async with raw(bench.mosquitto.url("worker"), name) as client:
        await client.subscribe(f"{COUNTED}/to/{name}", qos=1)
        await client.publish(f"{COUNTED}/in/{name}", END, qos=1)
        message = await anext(client.messages)
        return int(bytes(message.payload))


async def answered(bench: Bench, stack: AsyncExitStack, name: str) -> Turn:
    """Publish; a turn is over when each of its messages was answered."""
    client = await stack.enter_async_context(raw(bench.mosquitto.url("worker"), name))
    await client.subscribe(f"{ECHOED}/to/{name}", qos=1)
    waiting: dict[bytes, asyncio.Future[None]] = {}
    numbers = count()

    async def hear() -> None:
        async for message in client.messages:
            waiting.pop(bytes(message.payload)).set_result(None)

    async def say() -> None:
        key = b"%08x" % next(numbers)
        waiting[key] = asyncio.get_running_loop().create_future()
        heard = waiting[key]
        await client.publish(f"{ECHOED}/in/{name}", key + BYTES[KEY:], qos=1)
        await heard

    hearing = asyncio.create_task(hear())
    stack.callback(hearing.cancel)

    async def turn(size: int) -> None:
        await asyncio.gather(*(say() for _ in range(size)))

    return turn


SIDES = [
    Side("simctl, durable and answered", "owner", durable),
    Side("aiomqtt, one way", "counter", one_way, all_came),
    Side("aiomqtt, answered", "echo", answered),
]


def spent(pid: int) -> float:
    """Return the CPU-seconds of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss(pid: int) -> float:
    """Return what a process has in memory, in MB."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * PAGE / MB


def whole(path: Path, said: int) -> dict[str, int]:
    """Return what of so many answered messages the log does not have, or has twice."""
    with DuckLog(path, run=RUN) as log:
        table = log.query(
            "SELECT count(*), count(DISTINCT (producer, epoch, pseq)) FROM events"
            " WHERE kind = 'attempt_made'"
        )
        kept, distinct = (column[0].as_py() for column in table.columns)
    return {"answered": said, "lost": said - distinct, "doubled": kept - distinct}


def report(shape: Shape, found: list[list[Found]]) -> list[dict[str, object]]:
    """Print what the sides did in one shape, and return it."""
    rows = []
    for at, side in enumerate(SIDES):
        mine = [each[at] for each in found]
        times = sorted(1000 * t for each in mine for t in each.latencies)
        row = {
            "side": side.name,
            **asdict(shape),
            "per_second": statistics.median(each.per_second for each in mine),
            "per_cpu_second": statistics.median(each.per_cpu for each in mine),
            "of_one_way": statistics.median(e[at].per_second / e[1].per_second for e in found),
            "of_one_way_cpu": statistics.median(e[at].per_cpu / e[1].per_cpu for e in found),
            "of_answered_cpu": statistics.median(e[at].per_cpu / e[2].per_cpu for e in found),
            "p50_ms": times[len(times) // 2],
            "p99_ms": times[len(times) * 99 // 100],
        }
        rows.append(row)
        print(
            f"{side.name:28} {shape.connections:5} {shape.coroutines:5} {shape.group:5}"
            f" {row['per_second']:8,.0f} {row['per_cpu_second']:9,.0f} {row['of_one_way']:8.2f}x"
            f" {row['of_one_way_cpu']:8.2f}x {row['of_answered_cpu']:8.2f}x"
            f" {row['p50_ms']:8.2f} {row['p99_ms']:8.2f}",
            flush=True,
        )
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement")
    asked = parser.parse_args()
    rows, said = [], 0
    print(f"{len(BYTES)} bytes a message; load {os.getloadavg()[0]:.1f}")
    print(
        f"{'':28} {'conn.':>5} {'cor.':>5} {'group':>5} {'per s':>8} {'per CPU-s':>9}"
        f" {'/one way':>9} {'by CPU':>9} {'/answered':>9} {'p50 ms':>8} {'p99 ms':>8}"
    )
    with (
        tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as place,
        ExitStack() as stack,
    ):
        path = Path(place) / "log.duckdb"
        mosquitto = stack.enter_context(Mosquitto())
        with (
            receiver(own, mosquitto.url("owner"), path) as owner,
            receiver(count_them, mosquitto.url("owner")) as counter,
            receiver(echo, mosquitto.url("owner")) as echoes,
        ):
            bench = Bench(mosquitto, owner, counter, echoes, asked.seconds)
            for shape in SHAPES:
                found = [
                    [asyncio.run(bench.measure(side, shape)) for side in SIDES]
                    for _ in range(asked.repeats)
                ]
                said += sum(each[0].messages for each in found)
                rows += report(shape, found)
            memory = {"owner_mb": rss(owner.pid), "broker_mb": rss(mosquitto.pid)}
        kept = whole(path, said)
    print(", ".join(f"{name} {value:,.0f}" for name, value in {**kept, **memory}.items()))
    versions = {"python": sys.version.split()[0], "aiomqtt": version("aiomqtt")}
    print(json.dumps({"benchmark": "mqtt", "rows": rows, **kept, **memory, **versions}))


if __name__ == "__main__":
    main()
