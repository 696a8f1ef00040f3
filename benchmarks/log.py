"""What a durable append costs: through the bus, directly, and against what others write.

Each side writes the same events of about 600 bytes to a fresh file, one commit for each batch,
synced to the disk. Raw DuckDB is given finished values and makes Arrow batches of them: it places,
checks, numbers, hashes and serialises nothing. Interleaved; rates are per CPU-second of the whole
process, ratios are medians of pairs. The eventsourcing library is measured where it is found; `make
peers` installs it:

    PYTHONPATH=src:.venv/peers python benchmarks/log.py [--repeats 5] [--seconds 0.5]
"""

import argparse
import asyncio
import importlib
import importlib.util
import json
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from simctl.bus.answers import AttemptMade
from simctl.bus.event import Draft, Utterance
from simctl.bus.memory import MemoryBus
from simctl.bus.quiescence import Quiescence
from simctl.store.database import connect
from simctl.store.duck import DuckLog
from simctl.store.memory_log import ListLog
from simctl.store.query import Limits
from simctl.store.rows import SCHEMA, to_table
from simctl.store.schema import create_tables

PRODUCERS = 64
RAW, OTHER = "raw DuckDB, Arrow", "eventsourcing, SQLite"
SAID = Utterance(tuple(range(12)), tuple(range(16)), (-0.25,) * 16)
ATTEMPT = "7k+5=2l*3=6m-4=2n+9=1"


@dataclass
class Watch:
    """Tells when to stop, and what was done and spent from the first batch to the last."""

    seconds: float
    events: int = 0
    cpu: float = 0
    wall: float = 0
    _begun: tuple[float, float] | None = None

    def batches(self, size: int) -> Iterator[range]:
        """Give the numbers of the events of each batch until the time is over."""
        self._begun = self._begun or (time.process_time(), time.perf_counter())
        cpu, wall = self._begun
        for begin in count(0, size):
            self.cpu, self.wall = time.process_time() - cpu, time.perf_counter() - wall
            if self.wall > self.seconds:
                return
            self.events += size
            yield range(begin, begin + size)

    @property
    def rates(self) -> tuple[float, float]:
        """Events per CPU-second of the process, and per second."""
        return self.events / self.cpu, self.events / self.wall


@dataclass(frozen=True)
class Side:
    """Somebody who appends whole batches to a new directory until the watch says stop."""

    name: str
    batch: int
    write: Callable[[Path, int, Watch], None]


def draft(producer: str, pseq: int) -> Draft:
    """Return an event's draft."""
    said = AttemptMade(task=pseq + 1, index=pseq % 8, attempt=ATTEMPT)
    return Draft(
        producer,
        0,
        pseq,
        said,
        "solver",
        recipient="episode",
        episode=f"e12.{pseq % 100:03d}",
        round=12,
        policy_version=11,
        utterance=SAID,
    )


def rows() -> Iterator[tuple[Any, ...]]:
    """Give finished rows for ever, as plain values."""
    [table] = [to_table(ListLog().place([draft("a", pseq) for pseq in range(1000)]))]
    made = list(zip(*(table.column(name).to_pylist() for name in SCHEMA.names), strict=True))
    place = SCHEMA.names.index("seq")
    for seq in count(1):
        row = made[seq % 1000]
        yield (*row[:place], seq, *row[place + 1 :])


def through_bus(place: Path, _: int, watch: Watch, *, journal: bool = False) -> None:
    """64 producers that each wait for their own event."""

    async def produce(bus: MemoryBus, name: str) -> None:
        for numbers in watch.batches(1):
            await bus.publish([draft(name, pseq) for pseq in numbers])

    async def run(log: DuckLog) -> None:
        quiescence = Quiescence()
        bus = MemoryBus(log, quiescence)
        async with asyncio.TaskGroup() as group:
            pump = group.create_task(quiescence.run())
            async with asyncio.TaskGroup() as producers:
                for each in range(PRODUCERS):
                    producers.create_task(produce(bus, f"p{each}"))
            pump.cancel()

    with DuckLog(place / "log.duckdb", run="bench") as log:
        if journal:
            log.begin_journal()
        asyncio.run(run(log))


def directly(place: Path, batch: int, watch: Watch) -> None:
    """One writer that appends batches to the log."""
    with DuckLog(place / "log.duckdb", run="bench") as log:
        for numbers in watch.batches(batch):
            log.submit([draft("a", pseq) for pseq in numbers]).result()


def raw_duckdb(place: Path, batch: int, watch: Watch) -> None:
    """Arrow batches, straight into the same table in a file that is opened like a log."""
    source = rows()
    with connect(place / "raw.duckdb", memory=Limits().memory) as connection:
        create_tables(connection, ("bench", "main", "raw"))
        for numbers in watch.batches(batch):
            columns = zip(*(next(source) for _ in numbers), strict=True)
            arrays = [
                pa.array(values, field.type) for values, field in zip(columns, SCHEMA, strict=True)
            ]
            connection.begin()
            connection.from_arrow(pa.table(arrays, schema=SCHEMA)).insert_into("events")
            connection.commit()


def sqlite_wal(place: Path, batch: int, watch: Watch) -> None:
    """Rows into SQLite, with its write-ahead log synced at each commit; arrays as JSON."""
    source = rows()
    connection = sqlite3.connect(place / "events.sqlite")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    names = ", ".join(f'"{name}"' for name in SCHEMA.names).replace(
        '"seq"', '"seq" INTEGER PRIMARY KEY'
    )
    connection.execute(f"CREATE TABLE events ({names})")
    marks = ", ".join("?" * len(SCHEMA.names))
    for numbers in watch.batches(batch):
        values = [
            [json.dumps(each) if isinstance(each, list) else each for each in next(source)]
            for _ in numbers
        ]
        connection.executemany(f"INSERT INTO events VALUES ({marks})", values)  # noqa: S608
        connection.commit()
    connection.close()


@cache
def aggregate() -> Any:
    """Return a class of the eventsourcing library; it wants each to be there once."""
    domain: Any = importlib.import_module("eventsourcing.domain")

    class Solver(domain.Aggregate):  # type: ignore[misc]
        @domain.event("AttemptMade")
        def attempt(self, task: int, index: int, attempt: str, tokens: list[int]) -> None:
            self.task, self.index, self.last, self.tokens = task, index, attempt, tokens

    return Solver


def eventsourcing(place: Path, _: int, watch: Watch) -> None:
    """Domain events saved one by one, in SQLite as the library sets it up."""
    application: Any = importlib.import_module("eventsourcing.application")
    os.environ |= {
        "PERSISTENCE_MODULE": "eventsourcing.sqlite",
        "SQLITE_DBNAME": str(place / "es.sqlite"),
    }
    app, solver = application.Application(), aggregate()()
    tokens = list(SAID.prompt_tokens + SAID.tokens)
    for [number] in watch.batches(1):
        solver.attempt(number, number % 8, ATTEMPT, tokens)
        app.save(solver)
    app.close()


def sides() -> list[Side]:
    """Return who is measured, in the order of the table."""
    found = [
        Side("simctl, 64 producers on the bus", PRODUCERS, through_bus),
        Side("simctl, the same with a journal", PRODUCERS, partial(through_bus, journal=True)),
    ]
    for batch in (1, PRODUCERS, 1000):
        found += [
            Side("simctl, direct", batch, directly),
            Side(RAW, batch, raw_duckdb),
            Side("SQLite WAL, synchronous=FULL", batch, sqlite_wal),
        ]
    if importlib.util.find_spec("eventsourcing"):
        found.append(Side(OTHER, 1, eventsourcing))
    else:
        print("eventsourcing is not installed: `make peers`", file=sys.stderr)
    return found


def measure(side: Side, seconds: float) -> tuple[float, float]:
    """Return events per CPU-second and per second."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as place:
        watch = Watch(seconds)
        side.write(Path(place), side.batch, watch)
        return watch.rates


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement")
    asked = parser.parse_args()
    all_sides = sides()
    table = to_table(ListLog().place([draft("a", pseq) for pseq in range(1000)]))
    print(f"{table.nbytes / 1000:.0f} bytes an event; load {os.getloadavg()[0]:.1f}")
    for each in all_sides:
        measure(each, 0.1)  # warm-up
    rates = [
        {(each.name, each.batch): measure(each, asked.seconds) for each in all_sides}
        for _ in range(asked.repeats)
    ]

    def middle(of: Callable[[dict[tuple[str, int], tuple[float, float]]], float]) -> float:
        return statistics.median(map(of, rates))

    figures = []
    print(f"{'':32} {'batch':>6} {'per CPU-s':>10} {'per s':>9} {'of raw DuckDB':>14}")
    for side in all_sides:
        key = (side.name, side.batch)
        row = {
            "side": side.name,
            "batch": side.batch,
            "per_cpu_second": middle(lambda each, key=key: each[key][0]),
            "per_second": middle(lambda each, key=key: each[key][1]),
        }
        for name, peer in {"of_raw": (RAW, side.batch), "of_eventsourcing": (OTHER, 1)}.items():
            if peer in rates[0]:
                row[name] = middle(lambda each, key=key, peer=peer: each[key][0] / each[peer][0])
        figures.append(row)
        print(
            f"{side.name:32} {side.batch:6} {row['per_cpu_second']:10,.0f}"
            f" {row['per_second']:9,.0f} {row['of_raw']:13.2f}x"
        )
    versions = {"python": sys.version.split()[0], "duckdb": duckdb.__version__}
    print(json.dumps({"benchmark": "log", "rows": figures, **versions, "load": os.getloadavg()}))


if __name__ == "__main__":
    main()
