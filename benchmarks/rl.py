"""Reinforcement learning, beside TRL: samples for each CPU-second, and what is learnt from them.

The same model (see small.py), the same prompts, 8 of them and 8 answers to each in a step, the same
reward, GRPO with the same settings: one optimiser step a batch, beta 0, DAPO's mean over tokens,
AdamW at a constant rate, single precision. The task is to say the digit 7, from random weights, or
to say a text backwards, by a model that was shown how for a little while.

simctl plays a society of one role, with its trainer in a process of its own and its whole log on
disk; TRL's GRPOTrainer as it is, and with log_completions. Each is a process of its own; they take
turns, and ratios are medians of pairs. CPU-seconds are of all processes of a side, from the third
step on, so that starting does not count. Rewards of every step are kept: curves of several seeds,
and the mean of their last fifth. Of `--threads` TRL makes use; simctl has one in each process.

    python benchmarks/rl.py [--task sevens] [--size tiny] [--steps 40] [--repeats 5] [--threads 1]
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
from dataclasses import dataclass
from pathlib import Path
from string import ascii_lowercase
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
Figures = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """What is asked, what is right, and the function in Python that rewards an answer."""

    asked: Sequence[tuple[str, str]]
    reward: str
    shown: int = 0  # batches of right answers that the model is taught by before


def sums() -> list[tuple[str, str]]:
    """Return sums, whose answer nobody asks for."""
    asked = [f"{a}+{b}=" for a in range(100) for b in range(100)]
    return [(each, "7") for each in dice(0, "sums").sample(asked, PROMPTS)]


def texts(count: int, seed: int) -> list[tuple[str, str]]:
    """Return texts, and how they read backwards."""
    drawn = dice(seed, "texts")
    made = ["".join(drawn.choices(ascii_lowercase, k=6)) for _ in range(count)]
    return [(each, each[::-1]) for each in made]


SEVENS = '''"""The share of an answer that is the digit 7."""


def reward(completions, **_):
    return [text.count("7") / max(len(text), 1) for text in completions]
'''
REVERSE = '''"""How like an answer is to what is right: twice what both have, of their lengths."""

from difflib import SequenceMatcher


def reward(completions, reference, **_):
    return [
        SequenceMatcher(None, text, right, autojunk=False).ratio()
        for text, right in zip(completions, reference)
    ]
'''
TASKS = {"sevens": Task(sums(), SEVENS), "reverse": Task(texts(PROMPTS, 0), REVERSE, shown=60)}


def build(size: str, task: Task, place: Path) -> Path:
    """Write the model that a task begins with into a directory."""
    small.build(size, place)
    if task.shown:
        teach(place, task.shown)
    return place


def teach(place: Path, batches: int) -> None:
    """Show a model how texts are turned round."""
    import torch  # noqa: PLC0415 - each side imports what it needs
    from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: PLC0415

    model: Any = AutoModelForCausalLM.from_pretrained(place)
    tokenizer: Any = AutoTokenizer.from_pretrained(place)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.0)
    for batch in range(batches):
        shown = texts(STEP, 1 + batch)
        told = [f"@{text}>{right}{small.END}" for text, right in shown]
        ids = torch.tensor(tokenizer(told)["input_ids"])
        labels = ids.clone()
        labels[:, : ids.shape[1] - len(shown[0][1]) - 1] = -100
        model(input_ids=ids, labels=labels).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(place)


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
name = "asked"
seed = {seed}
suite = []
[run]
rounds = {steps}
episodes = 8
[policy]
path = "{model}"
[task]
kind = "dataset"
dataset_name = "{place}/asked.jsonl"
grading = "exact"
reward_funcs = ["{place}/rewards.py:reward"]
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


def simctl(asked: argparse.Namespace, model: Path, place: Path) -> Figures:
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

    task, size = TASKS[asked.task], asked.size
    (place / "rewards.py").write_text(task.reward, encoding="utf-8")
    lines = [json.dumps({"question": each, "answer": right}) for each, right in task.asked]
    (place / "asked.jsonl").write_text("\n".join(lines), encoding="utf-8")
    told = {"model": model, "place": place, "length": LENGTH[size], "rate": LEARNING_RATE[size]}
    recipe = place / "asked.toml"
    recipe.write_text(RECIPE.format(seed=asked.seed, steps=asked.steps, **told), encoding="utf-8")
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


def trl(asked: argparse.Namespace, model: Path, place: Path, *, logs: bool) -> Figures:
    """Let TRL learn."""
    from datasets import Dataset  # noqa: PLC0415
    from transformers import AutoTokenizer, TrainerCallback  # noqa: PLC0415
    from trl import GRPOConfig, GRPOTrainer  # noqa: PLC0415

    clock = Clock()

    class Steps(TrainerCallback):
        """Tells the clock."""

        def on_step_end(self, *_: Any, **__: Any) -> None:
            clock.tick()

    task, size, found = TASKS[asked.task], asked.size, dict[str, Any]()
    exec(task.reward, found)  # noqa: S102 - the text that the other side reads from a file
    config = GRPOConfig(
        output_dir=str(place / "trl"),
        per_device_train_batch_size=STEP,
        num_generations=GENERATIONS,
        max_completion_length=LENGTH[size],
        max_steps=asked.steps,
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
        seed=asked.seed,
    )
    trainer = GRPOTrainer(
        model=str(model),
        reward_funcs=found["reward"],
        args=config,
        train_dataset=Dataset.from_list(
            [{"prompt": f"@{each}>", "reference": right} for each, right in task.asked]
        ),
        processing_class=AutoTokenizer.from_pretrained(model),
        callbacks=[Steps()],
    )
    with redirect_stdout(io.StringIO()):
        trainer.train()
    history = [each for each in trainer.state.log_history if "reward" in each]
    tokens = statistics.fmean(each["completions/mean_length"] for each in history)
    return clock.figures([each["reward"] for each in history], tokens)


def one(side: str, asked: argparse.Namespace, model: Path, seed: int) -> Figures:
    """Measure one side in a process of its own."""
    words = [__file__, "--one", side, "--model", model, "--task", asked.task, "--size", asked.size]
    words += ["--steps", asked.steps, "--seed", seed]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(asked.threads))
    told = subprocess.run(
        [sys.executable, *map(str, words)],
        env={**os.environ, **threads, "OMP_WAIT_POLICY": "passive"},
        check=True,
        capture_output=True,
        text=True,
    )
    figures: Figures = json.loads(told.stdout.splitlines()[-1])
    return figures


def measure(asked: argparse.Namespace) -> Figures:
    """Measure one side in this process."""
    with tempfile.TemporaryDirectory() as place:
        if asked.one == "simctl":
            return simctl(asked, asked.model, Path(place))
        return trl(asked, asked.model, Path(place), logs=asked.one != "TRL")


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
    parser.add_argument("--task", choices=list(TASKS), default="sevens")
    parser.add_argument("--size", choices=list(LENGTH), default="tiny")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--repeats", type=int, default=5, help="pairs, each of another seed")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--one", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--model", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(measure(asked)))
        return
    found: dict[str, list[Figures]] = {side: [] for side in SIDES}
    with tempfile.TemporaryDirectory() as place:
        model = build(asked.size, TASKS[asked.task], Path(place, "model"))
        for seed in range(asked.repeats):
            for side in SIDES:
                found[side].append(one(side, asked, model, seed))
    what = {"task": asked.task, "size": asked.size, "asked_threads": asked.threads}
    print(
        f"{', '.join(f'{name} {each}' for name, each in what.items())}, {STEP} samples a step, "
        f"{asked.steps} steps; load {os.getloadavg()[0]:.1f}"
    )
    small.write("rl", [row | what for row in table(found, asked.steps)])


if __name__ == "__main__":
    main()
