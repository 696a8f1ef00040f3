"""What the log costs: the same society with its log in DuckDB and with its log in a list.

In the pairs nobody learns, since a trainer needs a log that another process can read: the share is
of the society's own work. What an event costs there is then set against a whole run, trainer and
all. Process CPU-seconds, interleaved A B A B.

    python benchmarks/overhead.py [--rounds 6] [--repeats 5]
"""

import argparse
import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from simctl.agents.agent import Voice
from simctl.agents.cast import cast
from simctl.agents.memory import recall
from simctl.agents.policy.embedded import PATH
from simctl.agents.policy.transformers import TransformersSampler
from simctl.agents.serving import Served
from simctl.agents.society import Here, Plan, Rounds, Society
from simctl.bus.memory import MemoryBus
from simctl.bus.messages import RunStarted
from simctl.bus.quiescence import Quiescence
from simctl.cli.recipe import load
from simctl.store.access import open_log
from simctl.store.duck import DuckLog
from simctl.store.memory_log import ListLog
from simctl.store.policies import PolicyStore

Log = DuckLog | ListLog
SIMCTL = Path(sys.executable).with_name("simctl")


async def play(log: Log, rounds: int) -> None:
    """Play the default society without a trainer."""
    recipe = load("society")
    quiescence = Quiescence()
    syllabus = recipe.syllabus()
    sampler = TransformersSampler(PATH, 0, quiescence, recipe.sampler.max_batch)
    plan = Plan(
        episode=recipe.episode,
        environment=recipe.environment(),
        rounds=Rounds(rounds=rounds, episodes=recipe.run.episodes),
        suites=(),
        seed=0,
        learns=False,
    )
    society = Society(
        plan,
        recall([], syllabus),
        syllabus,
        bus=MemoryBus(log, quiescence),
        quiescence=quiescence,
        policy=Served(sampler, PolicyStore(Path()), plan.environment, 0),
        roles=Here(cast(Voice(sampler, 0))),
    )
    await society.run(RunStarted(recipe="", seed=0, policy_sha256="", machine={}))


def in_duckdb() -> AbstractContextManager[Log]:
    """A log on disk."""
    return DuckLog(Path(tempfile.mkdtemp()) / "log.duckdb", run="overhead")


def in_list() -> AbstractContextManager[Log]:
    """A log in memory."""
    return nullcontext(ListLog())


def cost(make: Callable[[], AbstractContextManager[Log]], rounds: int) -> tuple[float, int]:
    """Return CPU-seconds of the whole process, and the events that were logged."""
    begun = time.process_time()
    with make() as log:
        asyncio.run(play(log, rounds))
        events = log.last_seq
    return time.process_time() - begun, events


def whole_run(rounds: int) -> tuple[float, int]:
    """Return CPU-seconds of a run with its trainer, both processes, and the events of its log."""
    with tempfile.TemporaryDirectory() as place:
        run_dir = Path(place) / "run"
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [
                SIMCTL,
                "run",
                "-q",
                "--run-dir",
                run_dir,
                "--rounds",
                str(rounds),
                "--set",
                "suite=[]",
            ],
            check=True,
            capture_output=True,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        with open_log(run_dir) as log:
            spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            return spent, log.last_seq


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    cost(in_list, 1)  # warm-up: imports, allocator
    pairs = []
    for _ in range(asked.repeats):
        with_log, events = cost(in_duckdb, asked.rounds)
        without, _ = cost(in_list, asked.rounds)
        pairs.append((with_log, without))
        print(f"DuckDB {with_log:6.2f} CPU-s   list {without:6.2f} CPU-s   {events} events")
    share = statistics.median(1 - b / a for a, b in pairs)
    per_event = statistics.median((a - b) / events * 1e6 for a, b in pairs)
    print(f"without a trainer: {share:.1%} of CPU-seconds (median of {asked.repeats} pairs)")
    begun, first = whole_run(1)  # what it takes to start is no round's
    ended, last = whole_run(1 + asked.rounds)
    spent = ended - begun
    in_run = per_event * 1e-6 * (last - first) / spent
    print(f"of a whole run: {in_run:.1%} of {spent:.1f} CPU-s for {asked.rounds} rounds")
    figures = {"share": share, "share_of_run": in_run, "us_per_event": per_event}
    print(json.dumps(figures | {"load": os.getloadavg()}))


if __name__ == "__main__":
    main()
