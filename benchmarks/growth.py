"""How cost grows: with agents, with events, with parameters, and with groups of a prompt.

Agents: microseconds of CPU for a message to one of so many. Events: what is asked of a log of so
many, made of a short run again and again (see grow.py), in milliseconds by the clock, and the fold
into trajectories in microseconds of CPU an event. Parameters: microseconds of CPU for a token that
is sampled, 64 rows, and for one that is learnt from, 64 answers. Groups: the same for so many
prompts of 8 answers each, and the tiny model.

    python benchmarks/growth.py [--agents 10 10000] [--events 10000 1000000] [--grown LOG]
        [--most large] [--groups 1 64] [--repeats 3]
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import bus  # noqa: TID251 - the benchmark beside this one
import grow
import learner
import sampler
import small
import torch
from replay import told
from transformers import AutoModelForCausalLM

from simctl.agents.policy.llama import Kin
from simctl.store.access import open_log

SIMCTL = Path(sys.executable).with_name("simctl")
GROUP = 8  # answers to a prompt
FOLDED = 1_000_000  # events of a log that are folded, at most
QUERIES = {
    "mean reward by role": "SELECT role, avg(reward) FROM grades GROUP BY role",
    "the last 100 events": "SELECT * FROM events ORDER BY seq DESC LIMIT 100",
    "what became of a task": "SELECT * FROM events WHERE task = 3 ORDER BY seq",
}
Row = dict[str, Any]


def of_agents(counts: Sequence[int], repeats: int) -> Iterator[Row]:
    """Measure messages to so many agents."""
    asyncio.run(bus.through_bus(10, 0.2))  # warm-up
    for count in counts:
        rates = [asyncio.run(bus.through_bus(count, 0.5))[0] for _ in range(repeats)]
        yield {"agents": count, "us_per_message": 1e6 / statistics.median(rates)}


def of_events(counts: Sequence[int], largest: Path | None, repeats: int) -> Iterator[Row]:
    """Measure what is asked of logs so long, and of the `largest` that is there already."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as place:
        run = Path(place) / "run"
        words = ("run", "-q", "--rounds", "2", "--set", "suite=[]", "--run-dir", run)
        subprocess.run([SIMCTL, *words], check=True, capture_output=True)
        for count in counts:
            grown = Path(place) / f"grown-{count}"
            grow.grow(run, grown, count)
            yield _events(grown, repeats)
    if largest is not None:
        yield _events(largest, repeats)


def _events(grown: Path, repeats: int) -> Row:
    """Return what is asked of a log costs."""
    with open_log(grown) as log:
        row: Row = {"events": log.last_seq}
        for name, text in QUERIES.items():
            row[f"{name}, ms"] = _median(lambda t=text: log.query(t), repeats) * 1e3
        begun, until = time.process_time(), min(log.last_seq, FOLDED)
        sum(map(len, told(log, until)))
        row["fold, us per event"] = (time.process_time() - begun) / until * 1e6
    size = sum(each.stat().st_size for each in grown.glob("log.duckdb*"))
    return row | {"bytes_per_event": size / row["events"]}


def of_parameters(sizes: Sequence[str], repeats: int) -> Iterator[Row]:
    """Measure models so large."""
    for size in sizes:
        yield {"size": size, **_model(size, 64, GROUP, repeats)}


def of_groups(counts: Sequence[int], repeats: int) -> Iterator[Row]:
    """Measure so many groups."""
    for count in counts:
        yield {"groups": count, **_model("tiny", count * GROUP, count, repeats)}


def _model(size: str, rows: int, prompts: int, repeats: int) -> Row:
    """Return what a token costs, sampled and learnt from."""
    with tempfile.TemporaryDirectory() as place:
        path = small.build(size, Path(place))
        model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()
        asked = [f"@{at % prompts:02d}+{at % prompts * 7 % 100:02d}=>" for at in range(rows)]
        answer = sampler.ours(model, path, asked, Kin)
        batch = learner.samples(prompts=prompts)
        step = learner.ours(path, batch, packs=True)
        tokens = sum(len(each.prompt) + len(each.tokens) for each in batch)
        answer(), step()  # warm-up
        return {
            "parameters": small.parameters(model),
            "us_per_token_sampled": _cpu(answer, repeats) / (rows * sampler.NEW) * 1e6,
            "us_per_token_learnt": _cpu(step, repeats) / tokens * 1e6,
        }


def _median(act: Callable[[], object], repeats: int) -> float:
    """Return seconds by the clock."""
    taken = []
    for _ in range(repeats):
        begun = time.perf_counter()
        act()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def _cpu(act: Callable[[], object], repeats: int) -> float:
    """Return seconds of CPU."""
    taken = []
    for _ in range(repeats):
        begun = time.process_time()
        act()
        taken.append(time.process_time() - begun)
    return statistics.median(taken)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, nargs="*", default=[10, 100, 1000, 10_000])
    parser.add_argument("--events", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--grown", type=Path, help="one more log, made by grow.py")
    parser.add_argument("--most", choices=list(small.SHAPES), default="large", help="parameters")
    parser.add_argument("--groups", type=int, nargs="*", default=[1, 4, 16, 64])
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    sizes = list(small.SHAPES)[: list(small.SHAPES).index(asked.most) + 1]
    print(f"load {os.getloadavg()[0]:.1f}")
    rows: list[Row] = []
    for measured in (
        of_agents(asked.agents, asked.repeats),
        of_parameters(sizes, asked.repeats),
        of_groups(asked.groups, asked.repeats),
        of_events(asked.events, asked.grown, asked.repeats),
    ):
        for row in measured:
            rows.append(row)
            said = (f"{k} {v:,.3g}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items())
            print("; ".join(said), flush=True)
    small.write("growth", rows)


if __name__ == "__main__":
    main()
