"""What replay costs: a log folded into trajectories and samples, against a scan of its columns.

The scan gets the columns that learning reads from DuckDB, in pages of Arrow, and makes no Python
object of a row. The other sides do more and more with them, a round at a time as the trainer does:
Python rows, trajectories, the samples of the run's own objectives. Whole events (every column, each
an `Event`) are what `simctl replay` reads. Process CPU-seconds, interleaved; ratios are medians of
paired ones. A log that is long enough comes from `benchmarks/grow.py`:

    python benchmarks/replay.py grown [--events 100000 1000000] [--repeats 5]
"""

import argparse
import gc
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from simctl.store.access import open_log
from simctl.store.client import RemoteLog
from simctl.store.finished import FinishedLog
from simctl.store.said import Said, pages, said
from simctl.trainer.batch import build
from simctl.trainer.objective import Objective
from simctl.trainer.settings import Training
from simctl.trainer.trajectory import LEARNT, Trajectory, groups, trajectories

Log = RemoteLog | FinishedLog
Side = Callable[[], int]  # returns how many things it made
SCAN = "scan: Arrow pages"


def told(log: Log, until: int) -> Iterator[list[Trajectory]]:
    """Give the trajectories of every round."""
    rounds = groupby(said(log, LEARNT, until=until), attrgetter("round"))
    return (trajectories(heard) for _, heard in rounds)


def sides(log: Log, until: int, objectives: Sequence[Objective]) -> dict[str, Side]:
    """Return who is measured, in the order of the table."""

    def rows() -> Iterator[Said]:
        return said(log, LEARNT, until=until)

    return {
        SCAN: lambda: sum(page.num_rows for page in pages(log, LEARNT, until=until)),
        "Python rows": lambda: sum(1 for _ in rows()),
        "trajectories": lambda: sum(map(len, told(log, until))),
        "samples": lambda: sum(
            len(build(groups(each), objectives).samples) for each in told(log, until)
        ),
        "whole events": lambda: sum(1 for _ in log.read(until=until)),
    }


def measure(side: Side) -> tuple[float, float, int]:
    """Return CPU-seconds of the process, seconds, and how many things were made."""
    cpu, wall = time.process_time(), time.perf_counter()
    made = side()
    return time.process_time() - cpu, time.perf_counter() - wall, made


def compare(log: Log, events: int, objectives: Sequence[Objective], repeats: int) -> list[object]:
    """Print a table for the first `events` events, and return its rows."""
    everybody = sides(log, events, objectives)
    taken = [{name: measure(side) for name, side in everybody.items()} for _ in range(repeats)]
    found: list[object] = []
    header = ("made", "CPU-s", "s", "per CPU-s", "of scan")
    print("{:20} {:>9} {:>7} {:>7} {:>11} {:>8}".format(f"{events:,} events", *header))
    for name in everybody:
        cpu, wall = (statistics.median(each[name][at] for each in taken) for at in (0, 1))
        row = {
            "side": name,
            "events": events,
            "made": taken[0][name][2],
            "cpu_seconds": cpu,
            "seconds": wall,
            "events_per_cpu_second": events / cpu,
            "of_scan": statistics.median(each[SCAN][0] / each[name][0] for each in taken),
        }
        found.append(row)
        print(
            f"{name:20} {row['made']:9,} {cpu:7.2f} {wall:7.2f} {events / cpu:11,.0f}"
            f" {row['of_scan']:7.2f}x"
        )
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="directory of a run that is not live")
    parser.add_argument("--events", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    objectives = Training.read(asked.run / "run.toml").objective
    before, found = os.getloadavg(), list[object]()
    with open_log(asked.run) as log:
        for side in sides(log, min(10_000, log.last_seq), objectives).values():
            measure(side)  # warm-up
        gc.freeze()  # as the trainer's process does
        for events in asked.events:
            if events > log.last_seq:
                parser.error(f"{asked.run} has {log.last_seq} events: grow it, or ask for fewer")
            found += compare(log, events, objectives, asked.repeats)
    versions = {each: version(each) for each in ("duckdb", "pyarrow", "pydantic")}
    versions["python"] = sys.version.split()[0]
    load = {"before": before, "after": os.getloadavg()}
    print(json.dumps({"benchmark": "replay", "rows": found, "versions": versions, "load": load}))


if __name__ == "__main__":
    main()
