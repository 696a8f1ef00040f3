"""What a bad network and killed brokers do to a log over MQTT: lost, doubled, and the time.

Three clients publish one after another through a proxy that injects one kind of fault; then the
broker is killed, hung and started again. `python benchmarks/faults.py` prints a table.
"""

import argparse
import asyncio
import statistics
import time
from collections import Counter
from collections.abc import Awaitable, Callable

from buses import RUN, Speaker, mqtt
from mosquitto import Mosquitto
from proxy import NONE, Faults, Proxy

from simctl.bus.event import Event
from simctl.store.memory_log import ListLog

FAULTS = {
    "nothing": NONE,
    "5 % of messages dropped": Faults(drop=0.05),
    "20 % sent twice": Faults(duplicate=0.2),
    "20 % out of order": Faults(reorder=0.2, seconds=0.02),
    "20 % late by 20 ms": Faults(delay=0.2, seconds=0.02),
    "5 % damaged": Faults(corrupt=0.05),
    "connection cut after 2 %": Faults(cut=0.02),
    "connection cut within 2 %": Faults(tear=0.02),
}
CLIENTS = "abc"


async def speak(one: Speaker, count: int, waits: list[float]) -> list[Event]:
    """Publish one after another; note how long each took."""
    told: list[Event] = []
    for pseq in range(count):
        began = time.perf_counter()
        told += await one.bus.publish([one.draft(pseq)])
        waits.append(time.perf_counter() - began)
    return told


async def play(
    broker: Mosquitto, faults: Faults, count: int, meanwhile: Callable[[], Awaitable[None]]
) -> dict[str, object]:
    """Return what was injected, lost and doubled, and how long publishing took."""
    log, waits = ListLog(RUN), list[float]()
    async with (
        Proxy(broker.port, seed=1) as proxy,
        mqtt(log, broker, proxy.port) as join,
        join("a") as a,
        join("b") as b,
        join("c") as c,
    ):
        proxy.inject(up=faults, down=faults)
        async with asyncio.TaskGroup() as group:
            speaking = [group.create_task(speak(each, count, waits)) for each in (a, b, c)]
            group.create_task(_all(meanwhile))
        injected = sum(proxy.injected.values())
    acknowledged = {event.seq for each in speaking for event in each.result()}
    said = Counter(
        (event.producer, event.pseq) for event in log.read() if event.kind == "episode_started"
    )
    return {
        "injected": injected,
        "lost": len(CLIENTS) * count - len(said),
        "acknowledged and lost": len(acknowledged - {event.seq for event in log.read()}),
        "doubled": sum(times - 1 for times in said.values()),
        "median": f"{1e3 * statistics.median(waits):.1f} ms",
        "longest": f"{max(waits):.2f} s",
    }


async def _all(meanwhile: Callable[[], Awaitable[None]]) -> None:
    await meanwhile()


async def nothing() -> None:
    """Let it run."""


def killed(broker: Mosquitto) -> Callable[[], Awaitable[None]]:
    """Kill the broker and start it again, three times."""

    async def kill() -> None:
        for _ in range(3):
            await asyncio.sleep(0.2)
            await asyncio.to_thread(broker.kill)
            await asyncio.to_thread(broker.start)

    return kill


def hung(broker: Mosquitto) -> Callable[[], Awaitable[None]]:
    """Stop the broker for two seconds."""

    async def pause() -> None:
        await asyncio.sleep(0.1)
        broker.pause()
        await asyncio.sleep(2)
        broker.resume()

    return pause


async def main(count: int) -> None:
    """Print a row for each fault."""
    rows: list[tuple[str, dict[str, object]]] = []
    with Mosquitto() as broker:
        for name, faults in FAULTS.items():
            rows.append((name, await play(broker, faults, count, nothing)))
        rows.append(
            ("broker killed and started, 3 times", await play(broker, NONE, count, killed(broker)))
        )
        rows.append(("broker hung for 2 s", await play(broker, NONE, count, hung(broker))))
    print("| fault |", " | ".join(rows[0][1]), "|")
    print("|---" * (len(rows[0][1]) + 1) + "|")
    for name, row in rows:
        print(f"| {name} |", " | ".join(map(str, row.values())), "|")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="events of each of three clients")
    asyncio.run(main(parser.parse_args().count))
