"""All benchmarks, one after the other: a table beside the targets, and a file of rows for each.

Each is a process of its own, and its last line is its rows as JSON. They are added to the files in
`benchmarks/results`, one file a benchmark and one line a run of it, and what published.py makes of
the last lines is written into docs/performance.md. `--quick` does less of each, to see that they
work, and leaves out what takes long anyhow: two minutes on a quiet machine, no figures to quote,
and nothing is written.

    PYTHONPATH=src:tests:benchmarks python benchmarks/bench.py [--quick] [--only rl sampler ...]
        [--grown LOG]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import published

HERE = Path(__file__).parent
# those that others are installed in, and none else: they bring packages that ours must not find
PEERS = HERE.parent / ".venv" / "peers"
WITH_PEERS = {"bus", "log"}
TEN_MILLION = 10_000_000
# what each does, in full and to see that it works
ALL: dict[str, tuple[str, str]] = {
    "limits": ("", "--repeats 1"),
    "sampler": ("--repeats 7", "--sizes tiny --repeats 1"),
    "learner": ("--repeats 7", "--sizes tiny --repeats 1"),
    "rl": ("--size tiny --steps 40 --repeats 5", "--steps 4 --repeats 1"),
    "rl mini": ("--size mini --steps 13 --repeats 5", ""),
    "rl reverse": ("--task reverse --steps 160 --repeats 5", ""),
    "rl threads": ("--steps 40 --repeats 5 --threads 2", ""),
    "society": ("--rounds 10", "--rounds 3"),
    "overhead": ("", "--rounds 1 --repeats 1"),
    "retrain": ("", ""),
    "afterwards": ("", ""),
    "log": ("", "--repeats 1 --seconds 0.1"),
    "replay": ("{grown} --events 100000 1000000", ""),
    "query": ("{grown}", ""),
    "bus": ("", "--agents 1000 --repeats 1 --seconds 0.2"),
    "mqtt": ("", "--repeats 1 --seconds 0.2"),
    "asked": ("", "--repeats 1 --asks 20"),
    "scale": ("--seconds 4", ""),
    "growth": ("--grown {grown}", "--agents 10 --events --most tiny --groups 1 --repeats 1"),
}


def run(name: str, words: str, grown: Path) -> dict[str, Any]:
    """Run a benchmark, show what it prints, and return its rows."""
    script = HERE / f"{name.split(maxsplit=1)[0]}.py"
    print(f"\n== {name} {words}", flush=True)
    paths = [os.environ.get("PYTHONPATH", ""), *([str(PEERS)] if name in WITH_PEERS else [])]
    process = subprocess.Popen(
        [sys.executable, script, *words.format(grown=grown).split()],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ
        | {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "PYTHONPATH": os.pathsep.join(filter(None, paths))},
    )
    assert process.stdout is not None
    last = ""
    for line in process.stdout:
        if not line.startswith("{"):
            print(line, end="", flush=True)
        last = line
    if process.wait() or not last.startswith("{"):
        raise SystemExit(f"{name} failed")
    found: dict[str, Any] = json.loads(last)
    return found


def grow(grown: Path) -> None:
    """Make the log of ten million events that some of them read."""
    simctl, played = Path(sys.executable).with_name("simctl"), grown.with_name("run")
    words = ["run", "-q", "--rounds", "4", "--run-dir", played]
    subprocess.run([simctl, *words], check=True, capture_output=True)
    words = ["--events", str(TEN_MILLION)]
    subprocess.run([sys.executable, HERE / "grow.py", played, grown, *words], check=True)


def main() -> None:
    """Run them and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="see that they work; write nothing")
    parser.add_argument("--only", nargs="+", choices=list(ALL), default=list(ALL))
    parser.add_argument("--grown", type=Path, help="a log of ten million events that is there")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as place:
        grown: Path = asked.grown or Path(place) / "grown"
        reads = any("{grown}" in ALL[name][asked.quick] for name in asked.only)
        if reads and not grown.exists():
            grow(grown)
        for name in asked.only:
            words = ALL[name][asked.quick]
            if asked.quick and not words:
                continue  # it is long however little it does, or has tests
            row = run(name, words, grown)
            if not asked.quick:
                published.publish(name, row)
    if not asked.quick:
        published.page()
        print("\n" + "\n".join(published.targets()))


if __name__ == "__main__":
    main()
