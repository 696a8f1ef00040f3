"""Where the time of a society goes: CPU-seconds of each part of a round.

The default society, or another recipe, with its trainer and its log on disk; held-out problems are
left out. Decoding and taking weights are measured in their threads; the log's writer is a thread;
what is left of this process are roles, rules, verifiers, the bus, and what the trainer asks of the
log. The trainer is a process of its own. The first two rounds do not count.

    python benchmarks/society.py [RECIPE] [--rounds 8]
"""

import argparse
import os
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import small
from rl import spent

from simctl.agents.policy.decoding import Decoder
from simctl.agents.policy.transformers import TransformersSampler
from simctl.cli.policies import of_recipe
from simctl.cli.recipe import load
from simctl.cli.session import create, play
from simctl.store.access import open_log

WARM_UP = 2  # rounds
Parts = Counter[str]
_SAID = """
SELECT sum(len(tokens))::BIGINT AS tokens, count(*) AS events FROM events WHERE round > 2
"""


def timed(parts: Parts, name: str, act: Callable[..., Any]) -> Callable[..., Any]:
    """Count an act's CPU-seconds, in the thread that does it."""

    def measured(*arguments: Any, **named: Any) -> Any:
        begun = time.thread_time()
        try:
            return act(*arguments, **named)
        finally:
            parts[name] += time.thread_time() - begun

    return measured


def of_writer() -> float:
    """Return the CPU-seconds of the thread that writes the log."""
    for thread in threading.enumerate():
        if thread.name == "simctl-log":
            stat = Path(f"/proc/self/task/{thread.native_id}/stat")
            fields = stat.read_text(encoding="ascii").rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


class View:
    """Whoever watches: notes what was spent when a version came."""

    def __init__(self, parts: Parts) -> None:
        """Note these parts, too."""
        self._parts = parts
        self.noted: list[Parts] = []

    def recall(self, event: object) -> None:
        """Not needed."""

    def started(self, *_: object) -> None:
        """Not needed."""

    def warn(self, trouble: str) -> None:
        """Not needed."""

    def ended(self, outcome: object) -> None:
        """Not needed."""

    def hear(self, event: Any) -> None:
        """Note."""
        if event.kind == "policy_updated":
            mine, every = time.process_time(), spent()
            now = {"the log's writer": of_writer(), "mine": mine, "the trainer": every - mine}
            self.noted.append(Counter(now) + self._parts)


def measure(recipe: str, rounds: int) -> tuple[Parts, int, int]:
    """Return CPU-seconds of each part, and the tokens and events of the rounds that count."""
    parts: Parts = Counter()
    for where, act, name in (
        (Decoder, "complete", "decoding"),
        (TransformersSampler, "propose", "taking weights"),
        (TransformersSampler, "score", "taking weights"),
    ):
        setattr(where, act, timed(parts, name, getattr(where, act)))
    with tempfile.TemporaryDirectory() as place:
        run = Path(place) / "run"
        played, view = load(recipe, [f"run.rounds={rounds}", "suite=[]"]), View(parts)
        create(played, run, of_recipe(played))
        outcome = play(run, view)
        assert outcome.reason == "finished", outcome
        with open_log(run) as log:
            [said] = log.query(_SAID).to_pylist()
    first, last = view.noted[WARM_UP - 1], view.noted[-1]
    found = Counter({name: last[name] - first[name] for name in last})
    known = sum(found[name] for name in ("decoding", "taking weights", "the log's writer"))
    found["roles, bus and rules"] = found.pop("mine") - known
    return found, int(said["tokens"]), int(said["events"])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", nargs="?", default="society")
    parser.add_argument("--rounds", type=int, default=8)
    asked = parser.parse_args()
    found, tokens, events = measure(asked.recipe, asked.rounds)
    rounds, total = asked.rounds - WARM_UP, sum(found.values())
    print(f"{asked.recipe}, a round of {rounds}; load {os.getloadavg()[0]:.1f}")
    rows = []
    for part, seconds in found.most_common():
        rows.append({"part": part, "cpu_seconds": seconds / rounds, "share": seconds / total})
        print(f"{part:22} {seconds / rounds:6.2f} CPU-s {seconds / total:5.0%}")
    whole = {"part": "all", "cpu_seconds": total / rounds, "share": 1.0}
    rows.append(whole | {"tokens": tokens / rounds, "events": events / rounds})
    print(
        f"{'all':22} {total / rounds:6.2f} CPU-s, {tokens / rounds:,.0f} tokens sampled, ", end=""
    )
    print(f"{events / rounds:,.0f} events")
    small.write("society", [row | {"recipe": asked.recipe} for row in rows])


if __name__ == "__main__":
    main()
