"""Small models with random weights, which benchmarks share: built from a config, seed 0.

Qwen2 with tied embeddings over 51 characters. `tiny` and `mini` are the sizes at which simctl is
compared with others; the rest show how cost grows.
"""

import json
import os
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from simctl.cli.numerics import settle

settle(os.environ)  # as simctl's program does, before torch is imported

import torch  # noqa: E402
from tokenizers import Tokenizer, decoders, models, pre_tokenizers  # noqa: E402
from transformers import (  # noqa: E402
    AutoModelForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
)

CHARACTERS = "_\n0123456789abcdefghijklmnopqrstuvwxyz+-*/=@>()., <"
PADDING, END = CHARACTERS[:2]
SHAPES = {  # hidden, layers, heads, heads of keys, inner
    "tiny": (64, 2, 4, 2, 128),
    "small": (128, 3, 4, 2, 384),
    "mini": (256, 4, 4, 2, 768),
    "medium": (384, 6, 6, 2, 1152),
    "large": (640, 6, 10, 2, 1920),
}
VERSIONS = ("torch", "transformers", "tokenizers", "duckdb", "pyarrow", "pydantic", "trl")


def build(name: str, place: Path) -> Path:
    """Write the model of this name into a directory, with its tokenizer."""
    hidden, layers, heads, keys, inner = SHAPES[name]
    words = Tokenizer(models.WordLevel({c: at for at, c in enumerate(CHARACTERS)}, PADDING))
    words.pre_tokenizer = pre_tokenizers.Split("", behavior="isolated")
    words.decoder = decoders.Fuse()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token=PADDING, eos_token=END, padding_side="left"
    )
    config = Qwen2Config(
        vocab_size=len(CHARACTERS),
        hidden_size=hidden,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=keys,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=None,
    )
    torch.manual_seed(0)
    model: Any = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    model.save_pretrained(place)
    tokenizer.save_pretrained(place)
    return place


def parameters(model: torch.nn.Module) -> int:
    """Return how many numbers a model has."""
    return sum(each.numel() for each in model.parameters())


def write(benchmark: str, rows: Sequence[dict[str, Any]]) -> None:
    """Print a benchmark's rows as one line of JSON, with what they depend on."""
    packages = {name: version(name) for name in VERSIONS}
    machine = {
        "python": sys.version.split()[0],
        "threads": torch.get_num_threads(),
        "load": os.getloadavg(),
        "at": int(time.time()),
    }
    print(json.dumps({"benchmark": benchmark, "rows": rows, **machine, **packages}), flush=True)
