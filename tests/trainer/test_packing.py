"""Packing: a packed text is read as it is read alone."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    LlamaConfig,
    Qwen2Config,
    Qwen3Config,
)

from simctl.trainer.losses.answers import answer_logits
from simctl.trainer.losses.packing import TOGETHER, Packing, can_pack

Rows = list[tuple[tuple[int, ...], tuple[int, ...]]]
SHAPE: dict[str, Any] = {
    "vocab_size": 20,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}
CONFIGS = {
    "llama": LlamaConfig(**SHAPE, num_key_value_heads=4),
    "qwen2": Qwen2Config(**SHAPE, num_key_value_heads=2),
    "qwen3": Qwen3Config(**SHAPE, num_key_value_heads=1, head_dim=8),
}
SLIDING = Qwen2Config(
    **SHAPE, num_key_value_heads=2, use_sliding_window=True, sliding_window=4, max_window_layers=0
)
TOKENS = st.lists(st.integers(0, 19), min_size=1, max_size=9).map(tuple)
# some prompts are one token, some are shared and some begin alike
ROWS: Rows = [
    ((1 + at % 3, *range(2, 2 + at % 4)), tuple(range(3, 4 + at % 7)))
    for at in range(2 * TOGETHER + 3)
]


def build(config: Any) -> torch.nn.Module:
    torch.manual_seed(0)
    model: torch.nn.Module = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    return model


def alone(model: torch.nn.Module, rows: Rows) -> torch.Tensor:
    """Return the logits of answers, each text read by itself and whole."""
    read = [model(input_ids=torch.tensor([[*p, *t]])).logits[0, len(p) - 1 : -1] for p, t in rows]
    return torch.cat(read)


def gradients(model: torch.nn.Module, logits: torch.Tensor) -> torch.Tensor:
    model.zero_grad()
    logits.log_softmax(-1).square().mean().backward()
    return torch.cat([each.grad.flatten() for each in model.parameters() if each.grad is not None])


@pytest.mark.parametrize("name", CONFIGS)
def test_packed_answers_have_the_logits_that_they_have_alone(name: str):
    model = build(CONFIGS[name])
    assert can_pack(model)
    torch.testing.assert_close(answer_logits(model, ROWS), alone(model, ROWS))


@pytest.mark.parametrize("name", CONFIGS)
def test_packed_answers_have_the_gradients_that_they_have_alone(name: str):
    model = build(CONFIGS[name])
    together = gradients(model, answer_logits(model, ROWS))
    torch.testing.assert_close(together, gradients(model, alone(model, ROWS)))


@given(rows=st.lists(st.tuples(TOKENS, TOKENS), min_size=1, max_size=2 * TOGETHER))
@settings(max_examples=100)
def test_every_text_lies_whole_in_its_places(rows: Rows):
    packing = Packing.of(rows)
    laid = [packing.ids[0][row] for slots in packing.slots for row in slots]
    texts = [(*prompt, *tokens[:-1]) for prompt, tokens in rows]
    assert [
        tuple(row[: len(text)].tolist()) for row, text in zip(laid, texts, strict=True)
    ] == texts


@given(rows=st.lists(st.tuples(TOKENS, TOKENS), min_size=1, max_size=2 * TOGETHER))
@settings(max_examples=100)
def test_every_token_is_in_its_place_and_at_its_position(rows: Rows):
    packing = Packing.of(rows)
    every = torch.cat([slots.flatten() for slots in packing.slots])
    columns = torch.cat([torch.arange(s.shape[1]).expand(s.shape).flatten() for s in packing.slots])
    assert torch.equal(every[packing.places], torch.arange(packing.ids.shape[1]))
    assert torch.equal(columns[packing.places], packing.positions[0])


def test_a_shared_beginning_is_read_once():
    packing = Packing.of([((1, 2, 3, 4), (5, 6)), ((1, 2, 3, 4), (7,))])
    assert packing.ids.tolist() == [[1, 2, 3, 4, 5, 4]]


def test_a_model_generates_as_before_when_it_was_packed():
    model: Any = build(CONFIGS["qwen2"])
    ids = torch.tensor([[1, 2, 3]])
    before = model(input_ids=ids, attention_mask=torch.tensor([[0, 1, 1]])).logits
    answer_logits(model, ROWS)
    after = model(input_ids=ids, attention_mask=torch.tensor([[0, 1, 1]])).logits
    assert torch.equal(before, after)


@pytest.mark.parametrize("config", [SLIDING, GPT2Config(vocab_size=20, n_embd=32, n_head=2)])
def test_a_model_that_attends_otherwise_is_not_packed_and_reads_the_same(config: Any):
    model = build(config)
    assert not can_pack(model)
    torch.testing.assert_close(answer_logits(model, ROWS), alone(model, ROWS))
