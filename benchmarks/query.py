"""What a question costs: the views of a log against a flat Parquet export of the same rows.

Three questions of a paper: mean reward by role, by policy version, and by difficulty of the task.
They are asked of the log through its views, as `simctl query` asks; of an export that is as flat as
the log (its rows, the messages as JSON); and of one made for these questions alone (a row for each
grade, every value in a column of its own). The last line is what a live writer keeps of its pace
while somebody asks, as a dashboard does. Interleaved; CPU-seconds of the whole process, one thread.

    python benchmarks/query.py runs/society [--repeats 5] [--seconds 5]
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import duckdb

from simctl.bus.event import Draft
from simctl.bus.messages import EpisodeStarted
from simctl.store.access import LOG
from simctl.store.duck import DuckLog
from simctl.store.query import Limits

LIMITS = Limits(seconds=600)
MADE = """
SELECT g.role, g.reward, g.policy_version, c.difficulty
FROM grades g LEFT JOIN task_checked c ON c.task = g.task
"""
VIEWS = {
    "by role": "SELECT role, avg(reward) FROM grades GROUP BY 1",
    "by version": "SELECT policy_version, avg(reward) FROM grades GROUP BY 1",
    "by difficulty": """
        SELECT c.difficulty, avg(g.reward)
        FROM grades g JOIN task_checked c ON c.task = g.task GROUP BY 1
    """,
}
EXPORT = {
    "by role": """
        SELECT payload ->> '$.role', avg((payload ->> '$.reward')::DOUBLE)
        FROM '{file}' WHERE kind = 'answer_graded' GROUP BY 1
    """,
    "by version": """
        SELECT e.policy_version, avg((g.payload ->> '$.reward')::DOUBLE)
        FROM '{file}' g JOIN '{file}' e ON e.seq = (g.payload ->> '$.of')::BIGINT
        WHERE g.kind = 'answer_graded' GROUP BY 1
    """,
    "by difficulty": """
        SELECT (c.payload ->> '$.difficulty')::BIGINT, avg((g.payload ->> '$.reward')::DOUBLE)
        FROM '{file}' g JOIN '{file}' c ON c.task = g.task
        WHERE g.kind = 'answer_graded' AND c.kind = 'task_checked' GROUP BY 1
    """,
}
FLAT = {
    "by role": "SELECT role, avg(reward) FROM '{file}' GROUP BY 1",
    "by version": "SELECT policy_version, avg(reward) FROM '{file}' GROUP BY 1",
    "by difficulty": "SELECT difficulty, avg(reward) FROM '{file}' GROUP BY 1",
}


def export(log: Path, place: Path) -> tuple[Path, Path]:
    """Write both exports of a log file; return where they are."""
    rows, flat = place / "rows.parquet", place / "flat.parquet"
    with duckdb.connect(log, read_only=True, config={"threads": 1}) as connection:
        connection.execute(f"COPY (FROM events ORDER BY seq) TO '{rows}'")
        connection.execute(f"COPY ({MADE}) TO '{flat}'")
    return rows, flat


def spent(ask: Callable[[], object]) -> float:
    """Return CPU-seconds."""
    begun = time.process_time()
    ask()
    return time.process_time() - begun


def questions(log: DuckLog, rows: Path, flat: Path, repeats: int) -> list[dict[str, object]]:
    """Ask everything of everybody, in turns, and print it."""
    figures: list[dict[str, object]] = []
    print(f"{'CPU-seconds':16} {'log':>8} {'rows':>8} {'flat':>8} {'rows/log':>9} {'flat/log':>9}")
    with duckdb.connect(config={"threads": 1}) as other:
        for name, sql in VIEWS.items():
            of_rows = EXPORT[name].replace("{file}", str(rows))
            of_flat = FLAT[name].replace("{file}", str(flat))
            taken = [
                (
                    spent(partial(log.query, sql)),
                    spent(lambda sql=of_rows: other.sql(sql).fetchall()),
                    spent(lambda sql=of_flat: other.sql(sql).fetchall()),
                )
                for _ in range(repeats)
            ]
            row = [statistics.median(each) for each in zip(*taken, strict=True)]
            row += [statistics.median(each[at] / each[0] for each in taken) for at in (1, 2)]
            print(f"{name:16}" + "".join(f" {each:8.3f}" for each in row[:3]), end="")
            print("".join(f" {each:8.2f}x" for each in row[3:]))
            keys = ("log", "rows", "flat", "rows_per_log", "flat_per_log")
            figures.append({"question": name, **dict(zip(keys, row, strict=True))})
    return figures


def append(log: DuckLog, seconds: float, *, producer: str) -> float:
    """Append groups of 64 as fast as it goes, and return events per second."""
    group, pseq, waited = 64, 0, []
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        drafts = [
            Draft(producer, 0, pseq + n, EpisodeStarted(name="live"), producer)
            for n in range(group)
        ]
        begun = time.perf_counter()
        log.submit(drafts).result()
        waited.append(time.perf_counter() - begun)
        pseq += group
    return pseq / sum(waited)


def live(log: DuckLog, repeats: int, seconds: float, pause: float) -> float:
    """Return what share of its pace a writer keeps while somebody asks: the median of pairs."""
    kept = []
    for turn in range(repeats):
        alone = append(log, seconds, producer=f"alone{turn}")
        stop = threading.Event()

        def ask(stop: threading.Event = stop) -> None:
            while not stop.is_set():
                for sql in VIEWS.values():
                    log.query(sql)
                    stop.wait(pause)

        asking = threading.Thread(target=ask)
        asking.start()
        asked = append(log, seconds, producer=f"asked{turn}")
        stop.set()
        asking.join()
        print(f"writer alone {alone:8,.0f} events/s   asked {asked:8,.0f} events/s")
        kept.append(asked / alone)
    return statistics.median(kept)


def main() -> None:
    """Measure a copy of the run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each turn of the writer")
    parser.add_argument("--pause", type=float, default=1.0, help="seconds after each question")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as name:
        place = Path(name)
        shutil.copy(asked.run / LOG, place / LOG)
        with DuckLog(place / LOG, run=asked.run.name, limits=LIMITS) as log:
            events = log.last_seq  # opening gives it the views of this simctl
        rows, flat = export(place / LOG, place)
        print(f"{events} events; load {os.getloadavg()[0]:.1f}")
        with DuckLog(place / LOG, run=asked.run.name, limits=LIMITS) as log:
            figures = questions(log, rows, flat, asked.repeats)
            kept = live(log, asked.repeats, asked.seconds, asked.pause)
    print(f"a live writer keeps {kept:.1%} of its pace, a question after every {asked.pause} s")
    versions = {"python": sys.version.split()[0], "duckdb": duckdb.__version__}
    row = {"benchmark": "query", "events": events, "rows": figures, "writer_keeps": kept}
    print(json.dumps({**row, **versions, "load": os.getloadavg()}))


if __name__ == "__main__":
    main()
