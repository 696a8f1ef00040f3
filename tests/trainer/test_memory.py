"""What saves memory and time in a step changes nothing of it, or little and as it says."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

from simctl.trainer.learner import Learner
from simctl.trainer.losses.recomputing import recompute
from simctl.trainer.metrics import Meter
from simctl.trainer.sample import Divergence, PolicyGradient, Preference, Sample
from simctl.trainer.settings import Training

SampleOf = Callable[..., Sample]
LORA = {"r": 4, "lora_alpha": 8}


def learner(base: Path, **trainer: object) -> Learner:
    told = {"objective": [{"kind": "divergence"}], "trainer": {"minibatch_size": 4} | trainer}
    return Learner(base, base, Training.model_validate(told))


def some(sample_of: SampleOf) -> list[Sample]:
    return [
        sample_of((2, 3, 4), (5, 6, 1), PolicyGradient(), weights=(1.5,) * 3),
        sample_of((2,), (7, 8, 9, 10, 1), PolicyGradient(), weights=(-0.5,) * 5),
        sample_of((9, 9), (4, 1), weights=(0.2, 0.2)),
        sample_of((3, 4), (11, 12, 1), Divergence(), teacher_prompt=(3, 20, 21, 22, 4)),
        sample_of((3, 4, 4), (12, 1), Divergence(against="base")),
        sample_of((4,), (9, 1, 2), Preference(beta=1.0), rejected=(1,)),
        sample_of((5, 6), (7, 7, 7, 1)),
        sample_of((6, 5), (8, 1)),
    ]


def weights(of: Learner) -> torch.Tensor:
    return torch.cat([each.detach().flatten() for each in of.model.parameters()])


def gradient(of: Learner, samples: list[Sample]) -> torch.Tensor:
    of.model.zero_grad()
    of.accumulate(samples, Meter())
    return torch.cat([p.grad.flatten() for p in of.model.parameters() if p.grad is not None])


def moved(subject: Learner, samples: list[Sample]) -> torch.Tensor:
    """Return the weights after two rounds of several steps."""
    for version in (1, 2):
        subject.learn(samples, version)
    return weights(subject)


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_an_update_is_the_same_however_many_rows_a_forward_has(
    base: Path, sample_of: SampleOf, rows: int
) -> None:
    samples = some(sample_of)
    whole = moved(learner(base), samples)
    split = moved(learner(base, per_device_train_batch_size=rows), samples)
    assert (whole - weights(learner(base))).abs().max() > 1e-4
    assert (whole - split).abs().max() < 1e-6


@pytest.mark.parametrize("lora", [None, LORA])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])  # of packed rows, and of padded ones
def test_an_update_is_the_same_with_activations_that_are_computed_again(
    base: Path, sample_of: SampleOf, lora: dict[str, int] | None, attention: str
) -> None:
    found = []
    for again in (False, True):
        subject: Any = learner(base, lora=lora, gradient_checkpointing=again)
        subject.model.set_attn_implementation(attention)
        found.append(moved(subject, some(sample_of)))
    assert (found[0] - found[1]).abs().max() < 1e-6


def test_each_layer_is_computed_again_once_for_a_gradient_and_never_without(
    base: Path, sample_of: SampleOf
) -> None:
    seen = []
    for again in (False, True):
        subject: Any = learner(base, gradient_checkpointing=again)
        calls: list[int] = []
        norm = subject.model.model.layers[0].input_layernorm
        norm.register_forward_hook(lambda *_, calls=calls: calls.append(1))
        subject.accumulate([sample_of((2, 3), (4, 1))], Meter())
        seen.append(len(calls))
        subject.probes([((2, 3), (4, 1))])
        seen.append(len(calls))
    assert seen == [1, 2, 2, 3]


def test_a_model_whose_layers_cannot_be_computed_again_is_refused() -> None:
    with pytest.raises(ValueError, match="Linear has no layers that can be computed again"):
        recompute(torch.nn.Linear(2, 2))


def test_layers_of_a_model_with_dropout_are_computed_again_without_it(
    sample_of: SampleOf, tmp_path: Path
) -> None:
    config = GPTNeoXConfig(
        vocab_size=32,
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        hidden_dropout=0.5,
        attention_dropout=0.5,
        max_position_embeddings=32,
        bos_token_id=0,
        eos_token_id=1,
    )
    GPTNeoXForCausalLM(config).save_pretrained(tmp_path)
    plain, again = (
        moved(learner(tmp_path, gradient_checkpointing=each), some(sample_of))
        for each in (False, True)
    )
    assert (plain - again).abs().max() < 1e-6


def test_in_bf16_forwards_are_rounded_and_weights_and_probes_are_not(
    base: Path, sample_of: SampleOf
) -> None:
    exact, rounded = learner(base), learner(base, bf16=True)
    samples = some(sample_of)
    one, other = gradient(exact, samples), gradient(rounded, samples)
    assert not torch.equal(one, other)
    assert torch.cosine_similarity(one, other, dim=0) > 0.99
    assert (one - other).norm() < 0.1 * one.norm()
    assert exact.probes([((2, 3), (4, 1))]) == rounded.probes([((2, 3), (4, 1))])
    rounded.learn(samples, 1)
    assert {each.dtype for each in rounded.model.parameters()} == {torch.float32}
    moments = rounded._optimizer.state_dict()["state"][0]  # noqa: SLF001 - they cannot be seen else
    assert {moments[name].dtype for name in ("exp_avg", "exp_avg_sq")} == {torch.float32}


def test_in_bf16_layers_are_computed_again_as_they_were(base: Path, sample_of: SampleOf) -> None:
    plain, again = (
        gradient(learner(base, bf16=True, gradient_checkpointing=each), some(sample_of))
        for each in (False, True)
    )
    assert torch.equal(plain, again)
