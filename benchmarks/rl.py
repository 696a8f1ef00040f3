"""Reinforcement learning, beside TRL: samples for each CPU-second, and what is learnt from them.

The same model (see small.py), the same prompts, 8 of them and 8 answers to each in a step, the same
reward (the share of an answer that is the digit 7), GRPO with the same settings: one optimiser step
a batch, beta 0, DAPO's mean over tokens, AdamW at a constant rate, single precision, one thread.
simctl plays a society of one role, with its trainer in a process of its own and its whole log on
disk; TRL's GRPOTrainer as it is, and with log_completions. Each is a process of its own; they take
turns, and ratios are medians of pairs. CPU-seconds are of all processes of a side, from the third
step on, so that starting does not count. Rewards of every step are kept: curves of several seeds,
and the mean of their last fifth.

    python benchmarks/rl.py [--size tiny] [--steps 40] [--repeats 5]
"""

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import small
from family import descendants

from simctl.bus.dice import dice

WARM_UP = 3  # steps that do not count
PROMPTS, GENERATIONS, STEP = 512, 8, 64
TICK = os.sysconf("SC_CLK_TCK")
SIDES = ("simctl", "TRL", "TRL, completions logged")
LEARNING_RATE = {"tiny": 1e-3, "small": 1e-3, "mini": 3e-4}
LENGTH = {"tiny": 32, "small": 32, "mini": 64}
REWARD = '''"""The share of an answer that is the digit 7."""


def sevens(completions, **_):
    return [text.count("7") / max(len(text), 1) for text in completions]
'''
Figures = dict[str, Any]


def problems() -> list[str]:
    """Return what is asked: sums that nobody computes."""
    asked = [f"{a}+{b}=" for a in range(100) for b in range(100)]
    return dice(0, "sums").sample(asked, PROMPTS)


def family() -> list[Path]:
    """Return where the system tells of this process and of those that it started."""
    return [Path("/proc") / str(pid) for pid in (os.getpid(), *descendants(os.getpid()))]


def spent() -> float:
    """Return the CPU-seconds of this process and of those that it started."""
    total = 0
    for process in family():
        fields = (process / "stat").read_text(encoding="ascii").rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICK


def peak() -> float:
    """Return the most memory that these processes have had, in MB."""
    lines = (line for each in family() for line in (each / "status").open(encoding="utf-8"))
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


class Clock:
    """Notes what was spent when a step ended."""

    def __init__(self) -> None:
        """Begin."""
        self.begun = time.perf_counter()
        self.cpu: list[float] = []
        self.wall: list[float] = []
        self.peak = 0.0

    def tick(self) -> None:
        """A step ended."""
        self.cpu.append(spent())
        self.wall.append(time.perf_counter())
        self.peak = peak()

    def figures(self, rewards: Sequence[float], tokens: float) -> Figures:
        """Return what a run came to."""
        steps = len(self.cpu) - WARM_UP
        cpu = self.cpu[-1] - self.cpu[WARM_UP - 1]
        wall = self.wall[-1] - self.wall[WARM_UP - 1]
        return {
            "samples_per_cpu_second": STEP * steps / cpu,
            "samples_per_second": STEP * steps / wall,
            "tokens_per_cpu_second": tokens * STEP * steps / cpu,
            "seconds_to_first_step": self.wall[0] - self.begun,
            "mb": self.peak,
            "rewards": list(rewards),
        }


RECIPE = """
name = "sevens"
seed = {seed}
suite = []
[run]
rounds = {steps}
episodes = 8
[policy]
path = "{model}"
[task]
kind = "dataset"
dataset_name = "{place}/sums.jsonl"
grading = "exact"
reward_funcs = ["{place}/sevens.py:sevens"]
[episode]
kind = "solve"
num_generations = 8
scorer = {{ kind = "verify", reward = "progress" }}
sampling = {{ temperature = 1.0, max_completion_length = {length} }}
[curriculum]
kind = "uniform"
min_difficulty = 1
max_difficulty = 1
[health]
measured = false
[trainer]
learning_rate = {rate}
[[objective]]
kind = "grpo"
roles = ["solver"]
"""


def simctl(model: Path, place: Path, size: str, steps: int, seed: int) -> Figures:
    """Play and learn."""
    from simctl.cli.recipe import load  # noqa: PLC0415 - each side imports what it needs
    from simctl.cli.session import create, play  # noqa: PLC0415
    from simctl.store.access import open_log  # noqa: PLC0415

    clock = Clock()

    class View:
        """Whoever watches: the clock."""

        def recall(self, event: object) -> None: ...
        def started(self, *_: object) -> None: ...
        def warn(self, trouble: str) -> None: ...
        def ended(self, outcome: object) -> None: ...

        def hear(self, event: Any) -> None:
            if event.kind == "policy_updated":
                clock.tick()

    (place / "sevens.py").write_text(REWARD, encoding="utf-8")
    lines = [json.dumps({"question": each, "answer": "7"}) for each in problems()]
    (place / "sums.jsonl").write_text("\n".join(lines), encoding="utf-8")
    told = {"model": model, "place": place, "length": LENGTH[size], "rate": LEARNING_RATE[size]}
    recipe = place / "sevens.toml"
    recipe.write_text(RECIPE.format(seed=seed, steps=steps, **told), encoding="utf-8")
    create(load(str(recipe)), place / "run", model)
    outcome = play(place / "run", View())
    assert outcome.reason == "finished", outcome
    with open_log(place / "run") as log:
        rewards = log.query(
            "SELECT avg(reward) AS reward FROM grades GROUP BY round ORDER BY round"
        ).to_pylist()
        [said] = log.query(
            "SELECT avg(len(tokens)) AS tokens, count(*) AS n FROM events WHERE len(tokens) > 0"
        ).to_pylist()
    log_bytes = sum(each.stat().st_size for each in (place / "run").glob("log.duckdb*"))
    found = clock.figures([each["reward"] for each in rewards], said["tokens"])
    return found | {"log_bytes_per_sample": log_bytes / said["n"]}


def trl(  # noqa: PLR0913 - what is measured, and how
    model: Path, place: Path, size: str, steps: int, seed: int, *, logs: bool
) -> Figures:
    """Let TRL learn."""
    from datasets import Dataset  # noqa: PLC0415
    from transformers import AutoTokenizer, TrainerCallback  # noqa: PLC0415
    from trl import GRPOConfig, GRPOTrainer  # noqa: PLC0415

    clock = Clock()

    class Steps(TrainerCallback):
        """Tells the clock."""

        def on_step_end(self, *_: Any, **__: Any) -> None:
            clock.tick()

    reward: dict[str, Any] = {}
    exec(REWARD, reward)  # noqa: S102 - the text that the other side reads from a file
    config = GRPOConfig(
        output_dir=str(place / "trl"),
        per_device_train_batch_size=STEP,
        num_generations=GENERATIONS,
        max_completion_length=LENGTH[size],
        max_steps=steps,
        learning_rate=LEARNING_RATE[size],
        lr_scheduler_type="constant",
        adam_beta2=0.999,
        weight_decay=0.0,
        max_grad_norm=1.0,
        beta=0.0,
        num_iterations=1,
        loss_type="dapo",
        epsilon=0.2,
        scale_rewards="group",
        temperature=1.0,
        bf16=False,
        gradient_checkpointing=False,
        report_to="none",
        save_strategy="no",
        logging_steps=1,
        log_completions=logs,
        disable_tqdm=True,
        use_cpu=True,
        seed=seed,
    )
    trainer = GRPOTrainer(
        model=str(model),
        reward_funcs=reward["sevens"],
        args=config,
        train_dataset=Dataset.from_list([{"prompt": f"@{each}>"} for each in problems()]),
        processing_class=AutoTokenizer.from_pretrained(model),
        callbacks=[Steps()],
    )
    with redirect_stdout(io.StringIO()):
        trainer.train()
    history = [each for each in trainer.state.log_history if "reward" in each]
    tokens = statistics.fmean(each["completions/mean_length"] for each in history)
    return clock.figures([each["reward"] for each in history], tokens)


def one(side: str, size: str, steps: int, seed: int) -> Figures:
    """Measure one side in a process of its own."""
    words = [__file__, "--one", side, "--size", size, "--steps", steps, "--seed", seed]
    told = subprocess.run(
        [sys.executable, *map(str, words)], check=True, capture_output=True, text=True
    )
    figures: Figures = json.loads(told.stdout.splitlines()[-1])
    return figures


def measure(side: str, size: str, steps: int, seed: int) -> Figures:
    """Measure one side in this process."""
    with tempfile.TemporaryDirectory() as place:
        model = small.build(size, Path(place) / "model")
        if side == "simctl":
            return simctl(model, Path(place), size, steps, seed)
        return trl(model, Path(place), size, steps, seed, logs=side != "TRL")


def table(found: dict[str, list[Figures]], steps: int) -> list[Figures]:
    """Print what was measured; return a row for each side."""
    rows, last = [], max(1, steps // 5)
    print(f"{'':26} {'samples':>9} {'tokens':>8} {'of TRL':>7} {'samples':>9} {'first':>7}")
    print(f"{'':26} {'/ CPU-s':>9} {'/ CPU-s':>8} {'':7} {'/ s':>9} {'step s':>7} {'MB':>6} reward")
    names = [name for name in found["simctl"][0] if name not in {"rewards", "log_bytes_per_sample"}]
    for side, runs in found.items():
        row: Figures = {name: statistics.median(e[name] for e in runs) for name in names}
        pairs = zip(runs, found["TRL"], strict=True)
        rate = "samples_per_cpu_second"
        row["of_trl"] = statistics.median(a[rate] / b[rate] for a, b in pairs)
        ends = [statistics.fmean(each["rewards"][-last:]) for each in runs]
        row |= {"side": side, "rewards": [each["rewards"] for each in runs], "reward": ends}
        row["log_bytes_per_sample"] = runs[0].get("log_bytes_per_sample")
        rows.append(row)
        print(
            f"{side:26} {row[rate]:9,.0f} {row['tokens_per_cpu_second']:8,.0f} "
            f"{row['of_trl']:6.2f}x {row['samples_per_second']:9,.0f} "
            f"{row['seconds_to_first_step']:7.1f} {row['mb']:6.0f} "
            f"{statistics.fmean(ends):.3f} ({min(ends):.3f} to {max(ends):.3f})",
            flush=True,
        )
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=list(LENGTH), default="tiny")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--repeats", type=int, default=5, help="pairs, each of another seed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--one", choices=SIDES, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(measure(asked.one, asked.size, asked.steps, asked.seed)))
        return
    found: dict[str, list[Figures]] = {side: [] for side in SIDES}
    for seed in range(asked.repeats):
        for side in SIDES:
            found[side].append(one(side, asked.size, asked.steps, seed))
    print(
        f"{asked.size}, {STEP} samples a step, {asked.steps} steps; load {os.getloadavg()[0]:.1f}"
    )
    small.write("rl", [row | {"size": asked.size} for row in table(found, asked.steps)])


if __name__ == "__main__":
    main()
