"""Weights that change amid an answer: each token is of the version that it is said to be of."""

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from asking import request
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, GPT2Config

from simctl.agents.policy.decoding import Decoder, uniform
from simctl.agents.policy.embedded import PATH
from simctl.agents.policy.sampler import Completion, Request
from simctl.agents.policy.vocabulary import Vocabulary

PROMPTS = ["@7k+5l*3m-4>", "@2a+1>", "#>", "%4a-0b*1c+0>|"]
VOCABULARY = Vocabulary(PATH)
ALIKE = 1e-4  # nats between a token's step and a full forward


class Turning:
    """Gives the newer decoder once so many tokens were said."""

    def __init__(self, old: Decoder, new: Decoder, *steps: int) -> None:
        newer = (replace(new, version=old.version + 1 + at) for at in range(len(steps)))
        self._decoders = [old, *newer]
        self._steps = steps
        self._asked = -2  # at the beginning, and before the first token

    def __call__(self) -> Decoder:
        self._asked += 1
        return self._decoders[sum(self._asked >= step for step in self._steps)]


def schooled(version: int) -> Decoder:
    """The embedded policy, a little away from itself."""
    model = AutoModelForCausalLM.from_pretrained(PATH, dtype=torch.float32).eval()
    made = torch.Generator().manual_seed(version)
    for each in model.parameters():
        each.data += 0.05 * torch.randn(each.shape, generator=made)
    return Decoder(model, VOCABULARY, version)


def unschooled(version: int) -> Decoder:
    """A model of another architecture, whose tokens are read by transformers."""
    torch.manual_seed(version)
    words = json.loads((PATH / "config.json").read_text())["vocab_size"]
    ends = {"bos_token_id": None, "eos_token_id": None}
    config = GPT2Config(vocab_size=words, n_embd=32, n_layer=2, n_head=2, **ends)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    for each in model.parameters():
        each.data += 0.2 * torch.randn_like(each)
    return Decoder(model, VOCABULARY, version)


REQUESTS = [request(PROMPTS[at % 4], at, length=24) for at in range(16)]
AFTER = 5


@pytest.fixture(scope="module", params=[schooled, unschooled])
def pair(request: pytest.FixtureRequest) -> tuple[Decoder, Decoder]:
    make: Callable[[int], Decoder] = request.param
    return make(3), make(4)


@pytest.fixture(scope="module")
def said(pair: tuple[Decoder, Decoder]) -> list[Completion]:
    """Answers amid which the weights changed after so many tokens."""
    old, new = pair
    return old.complete(REQUESTS, Turning(old, new, AFTER))


def forward(model: torch.nn.Module, each: Completion) -> torch.Tensor:
    """Return the log-probabilities (T, V) of every token that might have been said."""
    ids = torch.tensor([each.prompt_tokens + each.tokens])
    with torch.inference_mode():
        logits = model(ids).logits[0, len(each.prompt_tokens) - 1 : -1]
    return torch.log_softmax(logits, -1)


def test_what_was_said_before_is_bit_by_bit_what_the_old_weights_say(
    pair: tuple[Decoder, Decoder], said: list[Completion]
):
    alone = pair[0].complete(REQUESTS)
    assert [each.tokens[:AFTER] for each in said] == [each.tokens[:AFTER] for each in alone]
    assert [each.logprobs[:AFTER] for each in said] == [each.logprobs[:AFTER] for each in alone]


def test_each_token_has_the_log_probability_of_the_version_that_said_it(
    pair: tuple[Decoder, Decoder], said: list[Completion]
):
    for each in said:
        old, new = (forward(decoder.model, each) for decoder in pair)
        right = torch.cat([old[:AFTER], new[AFTER:]])
        expected = right.gather(1, torch.tensor(each.tokens)[:, None])[:, 0]
        assert each.logprobs == pytest.approx(expected.tolist(), abs=ALIKE)


def test_each_token_is_drawn_by_the_version_that_said_it(
    pair: tuple[Decoder, Decoder], said: list[Completion]
):
    for asked, each in zip(REQUESTS, said, strict=True):
        steps = np.arange(len(each.tokens), dtype=np.uint64)
        noise = torch.from_numpy(uniform(np.array([asked.key], dtype=np.uint64), steps))
        old, new = (forward(decoder.model, each) for decoder in pair)
        cumulated = torch.cat([old[:AFTER], new[AFTER:]]).double().exp().cumsum(-1)
        drawn = torch.searchsorted(cumulated, noise[:, None] * cumulated[:, -1:], right=True)
        assert each.tokens == tuple(drawn[:, 0].tolist())


def test_the_spans_say_which_version_said_how_many_tokens(said: list[Completion]):
    later = [each for each in said if len(each.tokens) > AFTER]
    assert later
    assert {each.policy_version for each in said} == {3}
    assert [each.versions for each in later] == [
        ((3, AFTER), (4, len(each.tokens) - AFTER)) for each in later
    ]


def test_what_ended_before_has_one_version(said: list[Completion]):
    ended = [each for each in said if len(each.tokens) <= AFTER]
    assert ended
    assert all(each.versions == () for each in ended)


@pytest.fixture(scope="module")
def old() -> Decoder:
    return schooled(3)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(
    steps=st.lists(st.integers(0, 12), min_size=1, max_size=3).map(sorted),
    keys=st.lists(st.integers(0, 2**40), min_size=1, max_size=6),
)
def test_equal_weights_change_no_token_whenever_they_come(
    old: Decoder, steps: list[int], keys: list[int]
):
    asked: list[Request] = [request(PROMPTS[key % 4], key, length=16) for key in keys]
    alone, turned = old.complete(asked), old.complete(asked, Turning(old, old, *steps))
    assert [each.tokens for each in turned] == [each.tokens for each in alone]
    for each in turned:
        spans = each.versions or ((each.policy_version, len(each.tokens)),)
        assert sum(tokens for _, tokens in spans) == len(each.tokens)
        assert all(tokens > 0 for _, tokens in spans)
        assert [version for version, _ in spans] == sorted({version for version, _ in spans})
