"""How long an ask is on its way: asked, leased to a worker at a broker, answered, and in the log.

The owner of a run asks a solver that answers at once, without a model: `simctl run --bus` but for
the society. The worker is another process, the broker a mosquitto, the log is in DuckDB. Times are
from publishing an ask until its answer is heard, with 1 and 64 asks at a time; for comparison with
the solver in the owner's process, A B A B.

    PYTHONPATH=src:tests:benchmarks python benchmarks/asked.py [--repeats 5] [--asks 200]
"""

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path

from mosquitto import Mosquitto
from receivers import RUN, owning, receiver

from simctl.agents.agent import Answer, Producer, serve
from simctl.agents.dispatcher import DISPATCHER, Dispatcher
from simctl.agents.tray import Tray
from simctl.bus.answers import AttemptMade
from simctl.bus.asks import SolveTask
from simctl.bus.broker import Broker
from simctl.bus.event import Draft, Event
from simctl.bus.memory import MemoryBus
from simctl.bus.parcels import Serve
from simctl.bus.quiescence import Quiescence
from simctl.bus.remote import RemoteBus
from simctl.bus.workers import WorkerSynced
from simctl.store.duck import DuckLog
from simctl.store.policies import PolicyState, PolicyStore


class Echo:
    """A solver that knows at once."""

    async def handle(self, asked: Event) -> list[Answer]:
        """Answer with the problem."""
        ask = asked.message
        assert isinstance(ask, SolveTask)
        return [Answer(AttemptMade(task=ask.task, index=0, attempt=ask.problem))]


class Place:
    """The worker's place at the run: what it says leaves its tray."""

    def __init__(self, bus: RemoteBus, tray: Tray) -> None:
        """Speak on `bus`."""
        self._bus, self._tray = bus, tray

    async def publish(self, drafts: list[Draft]) -> list[Event]:
        """Say it, and clear the tray of it."""
        events = await self._bus.publish(drafts)
        for draft in drafts:
            self._tray.answered(draft.cause or 0)
        return events


def work(pipe: Connection, url: str) -> None:
    """Be a worker, until told to stop."""

    async def run() -> None:
        tray, wanted = Tray(), asyncio.Queue[Serve]()
        bus = RemoteBus(Broker.parse(url), RUN, "w", work=tray.take, serve=wanted.put_nowait)
        bus.leases = tray.leases
        async with bus.open(), asyncio.TaskGroup() as group:
            pipe.send("ready")
            await bus.join(["solver"], capacity=1000)
            speaker = Producer("w", bus.epoch)
            helpers = [group.create_task(bus.run())]
            bus.version = (await wanted.get()).update.version
            synced = WorkerSynced(worker="w", version=bus.version, ok=True)
            await bus.publish([Draft("w", bus.epoch, speaker.number(), synced, "w")])
            agents, place = {"solver": Echo()}, Place(bus, tray)
            serving = serve(agents, place, tray.asks(), {"solver": speaker})
            helpers.append(group.create_task(serving))
            await asyncio.to_thread(pipe.recv)
            for helper in helpers:
                helper.cancel()

    asyncio.run(run())


@asynccontextmanager
async def elsewhere(url: str, worker: str, log: DuckLog) -> AsyncGenerator[MemoryBus]:
    """Let a worker at a broker answer."""
    policies = PolicyStore(log.path.parent)
    policies.commit(0, _weights, PolicyState(version=0))
    async with owning(url, log) as (bus, quiescence, gateway), bus.listen(DISPATCHER) as events:
        dispatcher = Dispatcher(quiescence, policies, 0, gateway.post)
        gateway.members.attend(dispatcher)
        serving = asyncio.create_task(dispatcher.serve(bus, events, 0, ()))
        with receiver(work, worker):
            yield bus
        serving.cancel()


def _weights(place: Path) -> None:
    place.mkdir(parents=True, exist_ok=True)
    (place / "model.safetensors").write_bytes(b"none")


@asynccontextmanager
async def here(log: DuckLog) -> AsyncGenerator[MemoryBus]:
    """Answer in this process."""
    quiescence = Quiescence()
    bus = MemoryBus(log, quiescence)
    async with bus.listen("solver") as events:
        solving = serve({"solver": Echo()}, bus, events, {"solver": Producer("solver", 0)})
        helpers = [asyncio.create_task(each) for each in (quiescence.run(), solving)]
        yield bus
        for helper in helpers:
            helper.cancel()


async def ask(bus: MemoryBus, at_once: int, asks: int) -> list[float]:
    """Return how many milliseconds each of so many asks took."""
    numbers, left, waiting = count(), iter(range(asks)), {}
    took: list[float] = []

    async def hear(events: AsyncIterator[Event]) -> None:
        async for event in events:
            if event.kind == "attempt_made":
                waiting.setdefault(event.cause, asyncio.Event()).set()

    async def say() -> None:
        for _ in left:
            begun, number = time.perf_counter(), next(numbers)
            asked = SolveTask(task=1, problem="1+1=")
            draft = Draft("asker", 0, number, asked, "asker", recipient="solver")
            [event] = await bus.publish([draft])
            await waiting.setdefault(event.seq, asyncio.Event()).wait()
            took.append(1000 * (time.perf_counter() - begun))

    async with bus.listen("asker") as events:
        hearing = asyncio.create_task(hear(events))
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(say())
        hearing.cancel()
    return took[at_once:]  # a worker has to join before the first


async def measure(side: str, mosquitto: Mosquitto, at_once: int, asks: int) -> list[float]:
    """Ask in a new run."""
    with (
        tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as place,
        DuckLog(Path(place) / "log.duckdb", run=RUN) as log,
    ):
        urls = mosquitto.url("owner"), mosquitto.url("worker")
        opened = here(log) if side == "here" else elsewhere(*urls, log)
        async with opened as bus:
            return await ask(bus, at_once, asks)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--asks", type=int, default=200, help="of each measurement")
    asked = parser.parse_args()
    rows = []
    print(f"load {os.getloadavg()[0]:.1f}")
    print(f"{'solver':14} {'at once':>8} {'p50 ms':>8} {'p99 ms':>8}")
    with Mosquitto() as mosquitto:
        for at_once in (1, 64):
            found: dict[str, list[float]] = {"at a broker": [], "here": []}
            for _ in range(asked.repeats):
                for side in found:
                    asks = asked.asks + at_once
                    found[side] += asyncio.run(measure(side, mosquitto, at_once, asks))
            for side, took in found.items():
                p50, p99 = (statistics.quantiles(took, n=100)[at - 1] for at in (50, 99))
                rows.append({"solver": side, "at_once": at_once, "p50_ms": p50, "p99_ms": p99})
                print(f"{side:14} {at_once:8} {p50:8.2f} {p99:8.2f}", flush=True)
    print(json.dumps({"benchmark": "asked", "rows": rows, "load": os.getloadavg()}))


if __name__ == "__main__":
    main()
