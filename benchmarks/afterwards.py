"""What can be had of a run when it is over: its answers, a question's reply, where two runs part.

The default society is played, and again with another learning rate. Counted: the answers that the
decoder gave, and those that the log has with their token ids and log-probabilities. Timed, by the
clock and as a user would, with the start of the program: mean reward per prompt under one version
of the weights, the first event in which both runs differ, and the weights of every version learnt
again from the log, whose hashes must be those of the run.

    PYTHONPATH=src:tests:benchmarks python benchmarks/afterwards.py [--rounds 6]
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import small
from society import View

from simctl.agents.policy.decoding import Decoder
from simctl.cli.policies import of_recipe
from simctl.cli.recipe import load
from simctl.cli.session import create, play
from simctl.store.access import open_log

SIMCTL = Path(sys.executable).with_name("simctl")
BY_PROMPT = """
SELECT task, avg(reward) AS reward FROM grades WHERE policy_version = 2 AND role = 'solver'
GROUP BY task
"""
KEPT = """
SELECT count(*) AS n FROM events
WHERE policy_version IS NOT NULL AND len(tokens) > 0 AND len(logprobs) = len(tokens)
"""
Answers = Sequence[Any]


def run(place: Path, *sets: str) -> tuple[Path, int]:
    """Play a society; return where it is, and how many answers were decoded."""
    decoded = 0
    complete = Decoder.complete

    def counted(decoder: Decoder, requests: Answers, *others: Any) -> Answers:
        nonlocal decoded
        decoded += sum(each.answer is None for each in requests)
        return complete(decoder, requests, *others)

    recipe = load("society", list(sets))
    create(recipe, place, of_recipe(recipe))
    Decoder.complete = counted  # type: ignore[method-assign, assignment]
    try:
        outcome = play(place, View(Counter()))
    finally:
        Decoder.complete = complete  # type: ignore[method-assign]
    assert outcome.reason == "finished", outcome
    return place, decoded


def seconds(*words: object, code: int = 0) -> float:
    """Return how long a command takes."""
    begun = time.perf_counter()
    done = subprocess.run([SIMCTL, *map(str, words)], check=False, capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    return time.perf_counter() - begun


def main() -> None:
    """Play, ask and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=6)
    asked = parser.parse_args()
    sets = ("suite=[]", f"run.rounds={asked.rounds}")
    with tempfile.TemporaryDirectory() as place:
        one, decoded = run(Path(place) / "one", *sets)
        other, _ = run(Path(place) / "other", *sets, "trainer.learning_rate=1e-4")
        with open_log(one) as log:
            [found] = log.query(KEPT).to_pylist()
            row = {
                "events": log.last_seq,
                "answers": decoded,
                "recoverable": found["n"] / decoded,
            }
        row["by_prompt"] = seconds("query", one, BY_PROMPT)
        row["first_difference"] = seconds("diff", one, other, code=1)
        row["verified"] = seconds("verify", one, "--only", "trainer")
    for name, value in row.items():
        print(f"{name:28} {value:,.3f}" if isinstance(value, float) else f"{name:28} {value:,}")
    small.write("afterwards", [row])


if __name__ == "__main__":
    main()
