"""What learning again from a log costs, against the live run that wrote it.

A live version takes sampling and learning, one after the other; learning again takes the second
only. So it should be faster by 1 / (1 - sampling share), the share being that of the time from a
round's beginning to its new version. Each side is run with one round and with more, and the
difference is what the further versions took: neither start-up counts nor what is held out (there
is none). Process CPU-seconds of all processes, interleaved; ratios are medians of paired ones.

    python benchmarks/retrain.py [--rounds 6] [--repeats 3]
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from simctl.store.access import open_log

SIMCTL = Path(sys.executable).with_name("simctl")
_SHARE = """
SELECT sum(e.wall_us - s.wall_us) / sum(u.wall_us - s.wall_us) AS share
FROM round_started s JOIN round_ended e USING (round) JOIN policy_updated u USING (round)
WHERE round > 1
"""


def cost(*arguments: object) -> tuple[float, float]:
    """Run simctl; return the CPU-seconds of its processes, and seconds."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([SIMCTL, *map(str, arguments)], check=True, capture_output=True)
    seconds, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent, seconds


def live(run_dir: Path, rounds: int) -> tuple[float, float]:
    """Run the default society without evaluations."""
    return cost("run", "-q", "--run-dir", run_dir, "--rounds", rounds, "--set", "suite=[]")


def share(run_dir: Path) -> float:
    """Return which part of a round's time goes before it ends: sampling, grading and the log."""
    with open_log(run_dir) as log:
        [found] = log.query(_SHARE).to_pylist()
    return float(found["share"])


def measure(place: Path, rounds: int) -> dict[str, float]:
    """Return what one more version costs, live and again."""
    short, long = place / "short", place / "long"
    first, more = live(short, 1), live(long, 1 + rounds)
    first_again, more_again = cost("train", "--from", short), cost("train", "--from", long)
    return {
        "live_cpu": (more[0] - first[0]) / rounds,
        "again_cpu": (more_again[0] - first_again[0]) / rounds,
        "live_seconds": (more[1] - first[1]) / rounds,
        "again_seconds": (more_again[1] - first_again[1]) / rounds,
        "share": share(long),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    before, found = os.getloadavg(), list[dict[str, float]]()
    print(f"{'a version':>10} {'CPU-s':>7} {'again':>7} {'s':>7} {'again':>7} {'sampling':>9}")
    for number in range(1, asked.repeats + 1):
        with tempfile.TemporaryDirectory() as place:
            each = measure(Path(place), asked.rounds)
        found.append(each)
        print(
            f"{number:10} {each['live_cpu']:7.2f} {each['again_cpu']:7.2f}"
            f" {each['live_seconds']:7.2f} {each['again_seconds']:7.2f} {each['share']:8.0%}"
        )
    figures = {
        "speedup_cpu": statistics.median(e["live_cpu"] / e["again_cpu"] for e in found),
        "speedup": statistics.median(e["live_seconds"] / e["again_seconds"] for e in found),
        "target": statistics.median(0.9 / (1 - e["share"]) for e in found),
    }
    print(
        f"{figures['speedup_cpu']:.2f}x in CPU-seconds, {figures['speedup']:.2f}x in seconds;"
        f" 1 / (1 - sampling share) x 0.9 is {figures['target']:.2f}x"
    )
    versions = {each: version(each) for each in ("torch", "duckdb")}
    versions["python"] = sys.version.split()[0]
    load = {"before": before, "after": os.getloadavg()}
    row = {"benchmark": "retrain", **figures, "repeats": found, "versions": versions, "load": load}
    print(json.dumps(row))


if __name__ == "__main__":
    main()
