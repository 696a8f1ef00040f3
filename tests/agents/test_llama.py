"""Llama's kin, computed by us: the numbers are those of transformers."""

from typing import Any

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    LlamaConfig,
    Qwen2Config,
    Qwen3Config,
)

from simctl.agents.policy.embedded import PATH
from simctl.agents.policy.llama import ROOM, Kin, KinPassage
from simctl.agents.policy.passage import AnyPassage

ALIKE = 1e-4  # of a logit; here it is 0, elsewhere a product's last bits may depend on its shape
SHAPE: dict[str, Any] = {
    "vocab_size": 50,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}
CONFIGS = {
    "llama": LlamaConfig(**SHAPE, num_key_value_heads=4),
    "llama, shared keys": LlamaConfig(**SHAPE, num_key_value_heads=2),
    "qwen2": Qwen2Config(**SHAPE, num_key_value_heads=2, tie_word_embeddings=True),
    "qwen3": Qwen3Config(**SHAPE, num_key_value_heads=1, head_dim=24),
}
OTHERS = {
    "gpt2": GPT2Config(vocab_size=50, n_embd=64, n_layer=1, n_head=2),
    "sliding": Qwen2Config(**SHAPE, use_sliding_window=True, sliding_window=4, max_window_layers=0),
    "biased": LlamaConfig(**SHAPE, attention_bias=True),
    "gelu": LlamaConfig(**SHAPE, hidden_act="gelu"),
    "stretched": LlamaConfig(
        **SHAPE, rope_parameters={"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4}
    ),
}


def build(config: Any) -> torch.nn.Module:
    torch.manual_seed(0)
    model: torch.nn.Module = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    for each in model.parameters():  # biases and norms are 0 and 1 at first, and would not be seen
        each.data += 0.1 * torch.randn_like(each)
    return model


def difference(model: torch.nn.Module, *, rows: int, padded: bool) -> float:
    """Return the largest between our logits and theirs, while rows leave."""
    kin = Kin.of(model)
    assert kin is not None
    prompts = min(rows, 3)
    ids = torch.randint(50, (prompts, 7))
    mask = torch.ones_like(ids)
    for at in range(prompts if padded else 0):
        mask[at, : 2 * at] = 0  # the first has none: alone, it needs no mask
    copies = torch.arange(rows) % prompts
    with torch.inference_mode():
        theirs = AnyPassage(model, ids, mask, copies)
        ours = KinPassage(kin, model, ids, mask, copies)
        largest = float((ours.logits - theirs.logits).abs().max())
        for step in range(ROOM + 3):
            if step % 10 == 3 and rows > 1:
                kept = torch.arange(0, rows, 2)
                ours.keep(kept)
                theirs.keep(kept)
                rows = len(kept)
            tokens = torch.randint(50, (rows,))
            apart = (ours.read(tokens) - theirs.read(tokens)).abs().max()
            largest = max(largest, float(apart))
    return largest


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("rows", [1, 5, 40])
@pytest.mark.parametrize("name", CONFIGS)
def test_every_logit_is_that_of_transformers(name: str, rows: int, padded: bool):
    assert difference(build(CONFIGS[name]), rows=rows, padded=padded) < ALIKE


def test_every_logit_of_the_embedded_policy_is_that_of_transformers():
    model: torch.nn.Module = AutoModelForCausalLM.from_pretrained(PATH, dtype=torch.float32).eval()
    assert difference(model, rows=20, padded=True) < ALIKE


@pytest.mark.parametrize("name", OTHERS)
def test_what_computes_otherwise_is_left_to_transformers(name: str):
    assert Kin.of(build(OTHERS[name])) is None


def test_other_precisions_are_left_to_transformers():
    assert Kin.of(build(CONFIGS["qwen2"]).to(torch.bfloat16)) is None
