"""All benchmarks, one after the other: a table beside the targets, and a file of rows for each.

Each is a process of its own, and its last line is its rows as JSON. They are added to the files in
`benchmarks/results`, one file a benchmark and one line a run of it, and the table of the last lines
is written into docs/performance.md. `--quick` does less of each, to see that all of them work: two
minutes on a quiet machine, no figures to quote, and nothing is written.

    PYTHONPATH=src:tests:benchmarks python benchmarks/bench.py [--quick] [--only rl sampler ...]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS, PAGE = HERE / "results", HERE.parent / "docs" / "performance.md"
BEGIN, END = "<!-- the table: benchmarks/bench.py -->\n", "<!-- the table ends -->\n"
RUN, GROWN = "{place}/run", "{place}/grown"
# what each does, in full and to see that it works
ALL: dict[str, tuple[str, str]] = {
    "limits": ("", "--repeats 1"),
    "sampler": ("--repeats 7", "--sizes tiny --repeats 1"),
    "learner": ("--repeats 7", "--sizes tiny --repeats 1"),
    "rl": ("--size tiny --steps 40 --repeats 5", "--steps 6 --repeats 1"),
    "rl mini": ("--size mini --steps 13 --repeats 5", ""),
    "society": ("--rounds 10", "--rounds 3"),
    "overhead": ("", "--rounds 1 --repeats 1"),
    "retrain": ("", ""),
    "log": ("", "--repeats 1 --seconds 0.1"),
    "replay": (f"{GROWN} --events 100000 1000000", ""),
    "query": (GROWN, ""),
    "bus": ("", "--agents 1000 --repeats 1 --seconds 0.2"),
    "mqtt": ("", "--repeats 1 --seconds 0.2"),
    "asked": ("", "--repeats 1 --asks 20"),
    "scale": ("--seconds 4", "--seconds 0.2"),
    "growth": ("", "--agents 10 --events 10000 --most tiny --groups 1 --repeats 1"),
}
Rows = list[dict[str, Any]]


def _of(rows: Rows, name: str, **wanted: object) -> str:
    """Return a number of the row that is wanted, as a factor."""
    found = [row[name] for row in rows if wanted.items() <= row.items() and name in row]
    return f"{found[0]:.2f}x" if found else "-"


TABLE: tuple[tuple[str, str, str, str, Callable[[Rows], str]], ...] = (
    (
        "rl",
        "samples for each CPU-second, 78 k parameters, whole log",
        "TRL",
        "3x",
        lambda rows: _of(rows, "of_trl", side="simctl", size="tiny"),
    ),
    (
        "rl mini",
        "the same, 3 M parameters",
        "TRL",
        "1.5x",
        lambda rows: _of(rows, "of_trl", side="simctl", size="mini"),
    ),
    (
        "sampler",
        "tokens sampled, 78 k parameters, batch 64",
        "`generate`",
        "4x",
        lambda rows: _of(rows, "of_generate", side="simctl", size="tiny"),
    ),
    (
        "sampler",
        "the same, 3 M parameters",
        "`generate`",
        "1.5x",
        lambda rows: _of(rows, "of_generate", side="simctl", size="mini"),
    ),
    (
        "sampler",
        "the same, share of what its products alone take",
        "the limit",
        "-",
        lambda rows: _of(rows, "of_limit", side="simctl", size="mini"),
    ),
    (
        "learner",
        "tokens trained, 78 k parameters",
        "a plain step",
        "0.95x",
        lambda rows: _of(rows, "of_plain", side="simctl", size="tiny"),
    ),
    (
        "learner",
        "the same, 3 M parameters",
        "a plain step",
        "0.95x",
        lambda rows: _of(rows, "of_plain", side="simctl", size="mini"),
    ),
    (
        "overhead",
        "CPU of a whole run that goes into its log",
        "no log",
        "< 10 %",
        lambda rows: f"{rows[0]['share_of_run']:.1%}",
    ),
    (
        "retrain",
        "a version learnt again from the log",
        "the live run",
        "see docs",
        lambda rows: f"{rows[0]['speedup_cpu']:.2f}x",
    ),
    (
        "query",
        "a live writer's pace while somebody asks",
        "alone",
        "> 95 %",
        lambda rows: f"{rows[0]['writer_keeps']:.1%}",
    ),
    (
        "bus",
        "messages to 10,000 agents",
        "autogen-core",
        "20x",
        lambda rows: _of(rows[0]["rows"], "of_peer", side="simctl"),
    ),
)


def run(name: str, words: str, place: str) -> dict[str, Any]:
    """Run a benchmark, show what it prints, and return its rows."""
    script = HERE / f"{name.split(maxsplit=1)[0]}.py"
    print(f"\n== {name} {words}", flush=True)
    process = subprocess.Popen(
        [sys.executable, script, *words.format(place=place).split()],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"HF_HUB_DISABLE_PROGRESS_BARS": "1"},
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


def grown(place: str) -> None:
    """Make a log of a million events, which two of them read."""
    simctl = Path(sys.executable).with_name("simctl")
    words = ["run", "-q", "--rounds", "4", "--run-dir", RUN.format(place=place)]
    subprocess.run([simctl, *words], check=True, capture_output=True)
    paths = RUN.format(place=place), GROWN.format(place=place)
    subprocess.run([sys.executable, HERE / "grow.py", *paths], check=True)


def table() -> str:
    """Return what the last rows of each come to, beside what was aimed at."""
    lines = ["| what | against | target | here |", "|---|---|---|---|"]
    for name, what, peer, target, told in TABLE:
        file = RESULTS / f"{name.replace(' ', '_')}.jsonl"
        if file.exists():
            last = json.loads(file.read_text(encoding="utf-8").splitlines()[-1])
            plain = name.split()[0] in {"overhead", "retrain", "query", "bus"}
            lines.append(
                f"| {what} | {peer} | {target} | {told([last] if plain else last['rows'])} |"
            )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run them and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="see that they work; write nothing")
    parser.add_argument("--only", nargs="+", choices=list(ALL), default=list(ALL))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as place:
        if not asked.quick and {"replay", "query"} & set(asked.only):
            grown(place)
        for name in asked.only:
            words = ALL[name][asked.quick]
            if asked.quick and not words:
                continue  # it is long however little it does
            row = run(name, words, place)
            if not asked.quick:
                RESULTS.mkdir(exist_ok=True)
                file = RESULTS / f"{name.replace(' ', '_')}.jsonl"
                with file.open("a", encoding="utf-8") as out:
                    out.write(json.dumps(row) + "\n")
    if asked.quick:
        return
    print(f"\n{table()}")
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}{table()}{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()
