"""What a log of ten million events costs: to keep, to open, to ask. Never part of a test.

    python benchmarks/big.py runs/society [--events 10000000] [--keep PLACE]

It grows a finished run (`grow.py`) in a temporary directory and takes it away again.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

from simctl.store.access import LOG, open_log
from simctl.store.duck import DuckLog
from simctl.store.query import Limits

GROW = Path(__file__).with_name("grow.py")
QUESTIONS = {
    "count by kind": "SELECT kind, count(*) FROM events GROUP BY 1",
    "grades by role": "SELECT role, avg(reward), count(*) FROM grades GROUP BY 1",
    "grades by version": "SELECT policy_version, avg(reward) FROM grades GROUP BY 1",
    "lineage of a version": "SELECT * FROM lineage WHERE version = {version}",
    "learning curve": "SELECT * FROM learning_curve",
    "one episode": "SELECT * FROM events WHERE episode = '{episode}' ORDER BY seq",
    "tokens by role": "SELECT * FROM tokens_by_role",
    "rounds": "SELECT * FROM rounds",
}

MIDDLE = """
SELECT round AS version, episode FROM events
WHERE seq > {seq} AND episode <> '' ORDER BY seq LIMIT 1
"""


def timed(name: str, do: Callable[[], int]) -> dict[str, object]:
    """Do something, print what it took, and return it."""
    cpu, wall = time.process_time(), time.perf_counter()
    rows = do()
    row = {"what": name, "rows": rows}
    row |= {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"{name:24} {rows:10,} {row['cpu']:8.2f} CPU-s {row['wall']:8.2f} s   {most} MB at most",
        flush=True,
    )
    return {**row, "rss_mb": most}


def opened(run_dir: Path) -> int:
    """Open and close a log as its owner."""
    with DuckLog(run_dir / LOG, run=run_dir.name) as log:
        return log.last_seq


def measure(run_dir: Path) -> list[dict[str, object]]:
    """Measure a run that is there."""
    rows = [timed("open as owner", lambda: opened(run_dir))]
    with open_log(run_dir, Limits(seconds=600)) as log:
        [middle] = log.query(MIDDLE.format(seq=log.last_seq // 2)).to_pylist()
        for name, sql in QUESTIONS.items():
            rows.append(timed(name, lambda sql=sql: log.query(sql.format(**middle)).num_rows))
    return rows


def main() -> None:
    """Grow, measure, print and clean up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="directory of a finished run")
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--keep", type=Path, help="where the log stays; it is used if it is there")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        run_dir = asked.keep or Path(place) / "big"
        if not run_dir.exists():
            needed, free = asked.events * 400, shutil.disk_usage(run_dir.parent).free
            if free < needed:
                sys.exit(f"{run_dir.parent} has {free:,} bytes free: {needed:,} are needed")
            begun = time.perf_counter()
            command = [sys.executable, GROW, asked.run, run_dir, "--events", str(asked.events)]
            subprocess.run(command, check=True)
            print(f"made in {time.perf_counter() - begun:.0f} s")
        rows = measure(run_dir)
        size = (run_dir / LOG).stat().st_size
    events = rows[0]["rows"]
    assert isinstance(events, int)
    print(f"{size:,} bytes, {size / events:.0f} an event")
    row = {"benchmark": "big", "events": events, "bytes": size, "rows": rows}
    print(json.dumps({**row, "duckdb": duckdb.__version__, "load": os.getloadavg()}))


if __name__ == "__main__":
    main()
