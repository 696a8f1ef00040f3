"""Limits: what this machine can do on one core, which no part of simctl can exceed.

python benchmarks/limits.py [--repeats 5]
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import small
import torch

from simctl.bus.answers import AttemptMade
from simctl.bus.event import Draft
from simctl.store.duck import DuckLog

EVENTS, BATCH, SYNCS, OPERATIONS = 20_000, 1000, 100, 20_000
TEXT = "7k+5=2l*3=6m-4=2n+9=1" * 28


def product(rows: int, inner: int, columns: int, kind: torch.dtype) -> float:
    """Return GFLOP/s of a matrix product."""
    a, b = torch.randn(rows, inner).to(kind), torch.randn(inner, columns).to(kind)
    flop = 2 * rows * inner * columns
    times = max(3, int(2e9 / flop))
    a @ b
    begun = time.process_time()
    for _ in range(times):
        a @ b
    return flop * times / (time.process_time() - begun) / 1e9


def operation() -> float:
    """Return microseconds of an operation of torch on next to nothing."""
    x = torch.ones(1)
    begun = time.process_time()
    with torch.inference_mode():
        for _ in range(OPERATIONS):
            x + x
    return (time.process_time() - begun) / OPERATIONS * 1e6


def sync() -> float:
    """Return milliseconds of writing 4 kB and syncing them, by the clock."""
    with tempfile.NamedTemporaryFile() as file:
        begun = time.perf_counter()
        for _ in range(SYNCS):
            file.write(b"x" * 4096)
            file.flush()
            os.fdatasync(file.fileno())
        return (time.perf_counter() - begun) / SYNCS * 1e3


def appended() -> float:
    """Return thousands of rows of 600 bytes that DuckDB appends from Arrow in a CPU-second."""
    import duckdb  # noqa: PLC0415 - the one place beside the store

    table: Any = pa.table({"seq": range(BATCH), "payload": [TEXT] * BATCH})
    with tempfile.TemporaryDirectory() as place:
        connection = duckdb.connect(str(Path(place) / "log.duckdb"))
        connection.register("rows", table)
        connection.execute("CREATE TABLE log AS SELECT * FROM rows LIMIT 0")
        begun = time.process_time()
        for _ in range(EVENTS // BATCH):
            connection.execute("INSERT INTO log SELECT * FROM rows")
        spent = time.process_time() - begun
        connection.close()
    return EVENTS / spent / 1e3


def logged() -> float:
    """Return thousands of events of 600 bytes that simctl's log takes in a CPU-second."""
    message = AttemptMade(task=1, index=0, attempt=TEXT)
    with (
        tempfile.TemporaryDirectory() as place,
        DuckLog(Path(place) / "log.duckdb", run="limits") as log,
    ):
        drafts = [Draft("a", 0, at, message, "a") for at in range(EVENTS)]
        begun = time.process_time()
        for at in range(0, EVENTS, BATCH):
            log.submit(drafts[at : at + BATCH]).result()
        return EVENTS / (time.process_time() - begun) / 1e3


MEASURED: dict[str, tuple[str, Callable[[], float]]] = {
    "product of 1024, single precision": (
        "GFLOP/s",
        lambda: product(1024, 1024, 1024, torch.float32),
    ),
    "product of 1024, bfloat16": ("GFLOP/s", lambda: product(1024, 1024, 1024, torch.bfloat16)),
    "64 rows by 256 by 1024": ("GFLOP/s", lambda: product(64, 256, 1024, torch.float32)),
    "64 rows by 64 by 256": ("GFLOP/s", lambda: product(64, 64, 256, torch.float32)),
    "an operation of torch": ("us", operation),
    "a sync of 4 kB": ("ms", sync),
    "rows appended from Arrow": ("thousand/CPU-s", appended),
    "events logged": ("thousand/CPU-s", logged),
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    found: dict[str, list[float]] = {name: [] for name in MEASURED}
    for _ in range(asked.repeats):
        for name, (_, measured) in MEASURED.items():
            found[name].append(measured())
    print(f"load {os.getloadavg()[0]:.1f}")
    rows = []
    for name, (unit, _) in MEASURED.items():
        row = {"what": name, "unit": unit, "median": statistics.median(found[name])}
        rows.append(row | {"least": min(found[name]), "most": max(found[name])})
        print(f"{name:36} {row['median']:9,.2f} {unit}")
    small.write("limits", rows)


if __name__ == "__main__":
    main()
