import asyncio
import math
from collections import Counter
from pathlib import Path

import asking
import numpy as np
import pytest
import torch
from asking import request
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM

from simctl.agents.policy.decoding import uniform
from simctl.agents.policy.embedded import PATH
from simctl.agents.policy.sampler import Completion, Request
from simctl.agents.policy.transformers import TransformersSampler
from simctl.bus.quiescence import Quiescence

PROMPTS = ["@7k+5l*3m-4>", "@2a+1>", "#>", "%4a-0b*1c+0>|"]


def answer(requests: list[Request], max_batch: int = 256) -> list[Completion]:
    return asking.answer(lambda q: TransformersSampler(PATH, 3, q, max_batch), requests)


def test_who_shares_the_batch_does_not_change_what_is_drawn():
    requests = [request(PROMPTS[at % 4], at) for at in range(64)]
    together = [each.tokens for each in answer(requests)]
    by_sixteen = [each.tokens for each in answer(requests, max_batch=16)]
    backwards = [each.tokens for each in answer(requests[::-1])][::-1]
    assert together == by_sixteen == backwards


def test_another_key_draws_something_else():
    one, two = answer([request("@7k+5l*3m-4n+8o*7p-3>", 1), request("@7k+5l*3m-4n+8o*7p-3>", 2)])
    assert one.logprobs != two.logprobs


def test_recorded_logprobs_are_those_of_a_full_forward():
    [said] = answer([request("@7k+5l*3m-4>", 7)])
    model = AutoModelForCausalLM.from_pretrained(PATH)
    ids = torch.tensor([said.prompt_tokens + said.tokens])
    logits = model(ids).logits[0, len(said.prompt_tokens) - 1 : -1]
    expected = torch.log_softmax(logits, -1).gather(1, torch.tensor(said.tokens)[:, None])[:, 0]
    assert said.logprobs == pytest.approx(expected.tolist(), abs=1e-4)


def test_a_temperature_changes_the_distribution_that_is_recorded():
    [said] = answer([request("@7k+5l*3m-4>", 7, heat=2.0)])
    model = AutoModelForCausalLM.from_pretrained(PATH)
    ids = torch.tensor([said.prompt_tokens + said.tokens])
    logits = model(ids).logits[0, len(said.prompt_tokens) - 1 : -1] / 2.0
    expected = torch.log_softmax(logits, -1).gather(1, torch.tensor(said.tokens)[:, None])[:, 0]
    assert said.logprobs == pytest.approx(expected.tolist(), abs=1e-4)


def test_greedy_answers_do_not_depend_on_the_key():
    first, second = answer([request(PROMPTS[0], 1, heat=0.0), request(PROMPTS[0], 2, heat=0.0)])
    assert first.tokens == second.tokens


def test_an_answer_that_is_cut_off_says_so_and_has_no_end_token():
    [said] = answer([request("@7k+5l*3m-4>", 7, length=2)])
    assert (len(said.tokens), said.truncated) == (2, True)


def test_a_finished_answer_ends_with_the_end_token_and_its_text_leaves_it_out():
    [said] = answer([request("@7k+5l*3m-4>", 7)])
    assert not said.truncated
    assert not said.text.endswith("\n")
    assert len(said.tokens) == len(said.logprobs)


def test_completions_name_the_version_that_spoke():
    assert {each.policy_version for each in answer([request(p, 0) for p in PROMPTS])} == {3}


def test_tokens_are_drawn_as_often_as_the_model_says():
    n = 4000
    said = answer([request("#>", key, length=1) for key in range(n)])
    drawn = Counter(each.tokens[0] for each in said)
    model = AutoModelForCausalLM.from_pretrained(PATH)
    prompt = torch.tensor([said[0].prompt_tokens])
    expected = torch.softmax(model(prompt).logits[0, -1], -1)
    for token, p in enumerate(expected.tolist()):
        assert abs(drawn[token] / n - p) < 5 * math.sqrt(p * (1 - p) / n) + 1e-3


@settings(max_examples=20)
@given(st.integers(0, 2**62))
def test_noise_is_uniform_and_its_positions_are_unrelated(key: int):
    keys = np.array([key], dtype=np.uint64)
    draws = np.array([uniform(keys, position)[0] for position in range(2000)])
    assert draws.min() >= 0
    assert draws.max() < 1
    assert abs(draws.mean() - 0.5) < 0.05
    assert abs(np.corrcoef(draws[:-1], draws[1:])[0, 1]) < 0.12


def test_a_directory_without_a_model_is_refused_and_the_old_version_serves(tmp_path: Path):
    async def ask() -> tuple[int, list[Completion]]:
        quiescence = Quiescence()
        sampler = TransformersSampler(PATH, 0, quiescence)
        with pytest.raises(ValueError, match="holds no loadable model"):
            sampler.propose(1, tmp_path)
        async with asyncio.TaskGroup() as group:
            pump = group.create_task(quiescence.run())
            said = await sampler.sample([request(PROMPTS[0], 0)])
            pump.cancel()
        return sampler.version, said

    version, [said] = asyncio.run(ask())
    assert (version, said.policy_version) == (0, 0)


def test_half_precision_stays_within_its_tolerance_of_what_the_trainer_computes():
    async def ask() -> tuple[float, list[Completion]]:
        quiescence = Quiescence()
        sampler = TransformersSampler(PATH, 0, quiescence, dtype="bfloat16")
        async with asyncio.TaskGroup() as group:
            pump = group.create_task(quiescence.run())
            said = await sampler.sample([request(PROMPTS[0], key) for key in range(8)])
            pump.cancel()
        return sampler.tolerance, said

    tolerance, said = asyncio.run(ask())
    trainer = TransformersSampler(PATH, 0, Quiescence())
    trainer.propose(1, PATH)
    gaps = [
        abs(ours - theirs)
        for each in said
        for ours, theirs in zip(
            each.logprobs, trainer.score(each.prompt_tokens, each.tokens), strict=True
        )
    ]
    assert trainer.tolerance < max(gaps) < tolerance


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is such a device")
def test_a_device_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="cannot be held on cuda"):
        TransformersSampler(PATH, 0, Quiescence(), device="cuda")
