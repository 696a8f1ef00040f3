"""Learning: tokens for each CPU-second, beside a plain step of torch on the same model.

GRPO's samples: 8 prompts of 8 characters and 8 answers to each, of 4 to 64 characters, in one
optimiser step; tokens are those of prompts and answers. simctl's learner, with and without packing;
and what one writes by hand: rows padded on the right, one forward, cross-entropy weighted by the
advantage, backward, clipping, AdamW. They take turns; ratios are medians of pairs.

    python benchmarks/learner.py [--sizes tiny mini] [--repeats 5]
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import small
import torch
from torch import nn

from simctl.bus.dice import dice
from simctl.trainer.learner import Learner, load
from simctl.trainer.losses import answers
from simctl.trainer.losses.packing import can_pack
from simctl.trainer.sample import PolicyGradient, Sample
from simctl.trainer.settings import TrainerSettings, Training

PROMPTS, GENERATIONS, PROMPT, LONGEST, WORDS = 8, 8, 8, 64, 51
Step = Callable[[], object]


def samples(longest: int = LONGEST, prompts: int = PROMPTS) -> list[Sample]:
    """Return what is learnt from."""
    rng = dice(0, "learner")
    made: list[Sample] = []
    for _ in range(prompts):
        prompt = tuple(rng.randrange(2, WORDS) for _ in range(PROMPT))
        for _ in range(GENERATIONS):
            tokens = tuple(rng.randrange(2, WORDS) for _ in range(rng.randint(4, longest)))
            made.append(
                Sample(
                    role="solver",
                    policy_version=0,
                    source=len(made) + 1,
                    prompt=prompt,
                    tokens=tokens,
                    logprobs=tuple(-4.0 for _ in tokens),
                    weights=tuple(rng.choice((-1.0, 1.0)) for _ in tokens),
                    loss=PolicyGradient(),
                )
            )
    return made


def ours(path: Path, batch: list[Sample], *, packs: bool) -> Step:
    """Let simctl's learner take a step."""
    rows = TrainerSettings(minibatch_size=0, per_device_train_batch_size=len(batch))
    learner = Learner(path, path, Training(trainer=rows))

    def step() -> object:
        answers.can_pack = can_pack if packs else lambda _: False
        return learner.learn(batch, 1)

    return step


def plain(path: Path, batch: list[Sample]) -> Step:
    """Take a step as it is written by hand."""
    model: Any = load(path)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-4, weight_decay=0.0)
    width = max(len(each.prompt) + len(each.tokens) for each in batch)
    ids = torch.zeros(len(batch), width, dtype=torch.long)
    mask, weights = torch.zeros_like(ids), torch.zeros(len(batch), width - 1)
    for at, each in enumerate(batch):
        length = len(each.prompt) + len(each.tokens)
        ids[at, :length] = torch.tensor([*each.prompt, *each.tokens])
        mask[at, :length] = 1
        weights[at, len(each.prompt) - 1 : length - 1] = torch.tensor(each.weights)

    def step() -> object:
        optimizer.zero_grad()
        logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, :-1]
        said = logits.log_softmax(-1).gather(2, ids[:, 1:, None])[..., 0]
        loss = -(weights * said).sum() / weights.abs().sum()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss

    return step


def measure(size: str, repeats: int) -> list[dict[str, Any]]:
    """Measure a size, and print it."""
    batch = samples()
    tokens = sum(len(each.prompt) + len(each.tokens) for each in batch)
    with tempfile.TemporaryDirectory() as place:
        path = small.build(size, Path(place))
        sides: dict[str, Step] = {
            "simctl": ours(path, batch, packs=True),
            "simctl, padded": ours(path, batch, packs=False),
            "plain torch": plain(path, batch),
        }
        found: dict[str, list[float]] = {name: [] for name in sides}
        for turn in range(repeats + 1):
            for name, step in sides.items():
                begun = time.process_time()
                step()
                if turn:  # the first is a warm-up
                    found[name].append(tokens / (time.process_time() - begun))
        rows = []
        for name, rates in found.items():
            pairs = zip(rates, found["plain torch"], strict=True)
            row = {
                "size": size,
                "parameters": small.parameters(load(path)),
                "side": name,
                "tokens_per_cpu_second": statistics.median(rates),
                "of_plain": statistics.median(a / b for a, b in pairs),
            }
            rows.append(row)
            rate = f"{row['tokens_per_cpu_second']:9,.0f}"
            print(f"{size:7} {name:18} {rate} {row['of_plain']:6.2f}x", flush=True)
        return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", nargs="+", choices=list(small.SHAPES), default=["tiny", "mini"])
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{PROMPTS * GENERATIONS} samples a step; load {os.getloadavg()[0]:.1f}")
    print(f"{'size':7} {'':18} {'tok/CPU-s':>9} {'of plain':>7}")
    rows = [row for size in asked.sizes for row in measure(size, asked.repeats)]
    small.write("learner", rows)


if __name__ == "__main__":
    main()
