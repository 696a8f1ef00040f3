"""What a page says of tokens is what the trainer did with them."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from simctl.store.access import open_log
from simctl.store.policies import PolicyStore
from simctl.trainer.batch import digest
from simctl.trainer.leaning import leanings
from simctl.trainer.signal import batch_of

pytestmark = pytest.mark.slow


def test_the_batch_of_every_round_is_the_one_that_was_learnt_from(unbroken: Path):
    with open_log(unbroken) as log:
        announced = log.query("SELECT version, digest, samples FROM batch_built").to_pylist()
        for each in announced:
            batch = batch_of(log, each["version"])
            assert batch is not None
            assert (digest(batch.samples), len(batch.samples)) == (each["digest"], each["samples"])
        assert len(announced) == 3
        assert batch_of(log, 4) is None


def test_a_leaning_is_the_teachers_log_probability_over_the_students(unbroken: Path):
    policies = PolicyStore(unbroken / "policies")
    with open_log(unbroken) as log:
        batch = batch_of(log, 1)
        assert batch is not None
        told = list(leanings(log, policies, 1, batch.samples))
    # in the first round, teacher and student are the first version: only what they see differs
    model = AutoModelForCausalLM.from_pretrained(policies.path(0)).eval()

    def logprobs(prompt: tuple[int, ...], tokens: tuple[int, ...]) -> torch.Tensor:
        with torch.no_grad():
            logits = model(torch.tensor([[*prompt, *tokens]])).logits[0, len(prompt) - 1 : -1]
        return torch.log_softmax(logits, -1)[range(len(tokens)), tokens]

    compared = 0
    for sample, leaning in zip(batch.samples, told, strict=True):
        if sample.teacher_prompt is None:
            assert leaning is None
            continue
        assert leaning is not None
        gap = logprobs(sample.teacher_prompt, sample.tokens) - logprobs(
            sample.prompt, sample.tokens
        )
        assert torch.allclose(torch.tensor(leaning), gap, atol=1e-5)
        compared += 1
    assert compared > 0
