"""Sampling: tokens for each CPU-second, beside transformers' own loop and the products' limit.

64 different prompts of 8 characters, 64 new tokens each, temperature 1, single precision, one
thread, the same weights (see small.py). simctl with and without its own loop for Llama's kin, and
transformers' `generate` (`generate_batch` is three to four times as slow as that on a CPU). They
take turns; ratios are medians of pairs. The limit is what the model's matrix products alone take,
at this batch.

    python benchmarks/sampler.py [--sizes tiny mini] [--batch 64] [--repeats 5]
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
from transformers import AutoModelForCausalLM, GenerationConfig

from simctl.agents.policy import decoding
from simctl.agents.policy.decoding import Decoder
from simctl.agents.policy.llama import Kin
from simctl.agents.policy.sampler import Request
from simctl.agents.policy.vocabulary import Vocabulary
from simctl.bus.asks import Sampling

NEW = 64  # tokens
Side = Callable[[], int]


class Anyone(Kin):
    """Nobody is of the kin: all is left to transformers."""

    @classmethod
    def of(cls, model: torch.nn.Module) -> None:
        """Return nothing."""
        del model


def ours(model: torch.nn.Module, path: Path, prompts: list[str], kin: type[Kin]) -> Side:
    """Let simctl answer. Nobody ends early, as nobody does on the other sides."""
    vocabulary = Vocabulary(path)
    vocabulary.ends = frozenset({-1})
    decoder = Decoder(model, vocabulary, version=0)
    sampling = Sampling(temperature=1.0, max_completion_length=NEW)
    asked = [Request(prompt, at, sampling) for at, prompt in enumerate(prompts)]

    def answer() -> int:
        decoding.Kin = kin  # type: ignore[misc]
        return sum(len(each.tokens) for each in decoder.complete(asked))

    return answer


def generate(model: Any, path: Path, prompts: list[str]) -> Side:
    """Let transformers generate."""
    ids = torch.tensor([Vocabulary(path).encode(prompt) for prompt in prompts])
    config = GenerationConfig(
        max_new_tokens=NEW, do_sample=True, temperature=1.0, top_k=0, top_p=1.0, pad_token_id=0
    )

    def answer() -> int:
        said = model.generate(ids, attention_mask=torch.ones_like(ids), generation_config=config)
        return int(said[:, ids.shape[1] :].numel())

    return answer


def limit(model: torch.nn.Module, batch: int) -> float:
    """Return tokens for each CPU-second if there were nothing but the products."""
    weights = [each.T.contiguous() for each in model.parameters() if each.ndim > 1]
    inputs = [torch.randn(batch, len(each)) for each in weights]
    with torch.inference_mode():
        for x, weight in zip(inputs, weights, strict=True):
            x @ weight
        begun = time.process_time()
        for _ in range(20):
            for x, weight in zip(inputs, weights, strict=True):
                x @ weight
        return 20 * batch / (time.process_time() - begun)


def rate(side: Side) -> float:
    """Return tokens for each CPU-second."""
    begun = time.process_time()
    tokens = side()
    return tokens / (time.process_time() - begun)


def measure(size: str, batch: int, repeats: int) -> list[dict[str, Any]]:
    """Measure a size, and print it."""
    with tempfile.TemporaryDirectory() as place:
        path = small.build(size, Path(place))
        model: Any = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()
        model.generation_config.eos_token_id = None  # nobody ends early
        prompts = [f"@{at:02d}+{at * 7 % 100:02d}=>" for at in range(batch)]
        sides: dict[str, Side] = {
            "simctl": ours(model, path, prompts, Kin),
            "simctl, any model": ours(model, path, prompts, Anyone),
            "generate": generate(model, path, prompts),
        }
        for side in sides.values():
            side()  # warm-up
        found: dict[str, list[float]] = {name: [] for name in sides}
        tops = []
        for _ in range(repeats):
            tops.append(limit(model, batch))
            for name, side in sides.items():
                found[name].append(rate(side))
        rows = []
        for name, rates in found.items():
            of_generate = [a / b for a, b in zip(rates, found["generate"], strict=True)]
            of_limit = [a / b for a, b in zip(rates, tops, strict=True)]
            row = {
                "size": size,
                "parameters": small.parameters(model),
                "side": name,
                "batch": batch,
                "tokens_per_cpu_second": statistics.median(rates),
                "of_generate": statistics.median(of_generate),
                "of_limit": statistics.median(of_limit),
            }
            rows.append(row)
            print(
                f"{size:7} {name:18} {row['tokens_per_cpu_second']:9,.0f} "
                f"{row['of_generate']:6.2f}x {row['of_limit']:6.0%}",
                flush=True,
            )
        return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", nargs="+", choices=list(small.SHAPES), default=["tiny", "mini"])
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    print(f"batch {asked.batch}, {NEW} tokens; load {os.getloadavg()[0]:.1f}")
    print(f"{'size':7} {'':18} {'tok/CPU-s':>9} {'of gen.':>7} {'limit':>6}")
    rows = [row for size in asked.sizes for row in measure(size, asked.batch, asked.repeats)]
    small.write("sampler", rows)


if __name__ == "__main__":
    main()
