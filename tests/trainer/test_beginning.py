"""What is compared with the beginning of the round, and with the sampler."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from simctl.trainer.learner import Learner
from simctl.trainer.losses.answers import answer_logits
from simctl.trainer.metrics import Meter
from simctl.trainer.sample import (
    Divergence,
    ImplicitNegative,
    Loss,
    PolicyGradient,
    Preference,
    Sample,
)
from simctl.trainer.settings import Training

SampleOf = Any  # conftest makes it
MANY = {"learning_rate": 1e-2, "minibatch_size": 1, "num_iterations": 2}


def learner(base: Path, **trainer: object) -> Learner:
    told = {"objective": [{"kind": "divergence"}], "trainer": trainer}
    return Learner(base, base, Training.model_validate(told))


def gradient(of: Learner, samples: list[Sample]) -> Tensor:
    of.model.zero_grad()
    of.accumulate(samples, Meter())
    return torch.cat([p.grad.flatten() for p in of.model.parameters() if p.grad is not None])


def weights(of: Learner) -> Tensor:
    return torch.cat([p.detach().flatten() for p in of.model.parameters()])


def own(base: Path, prompt: tuple[int, ...], tokens: tuple[int, ...]) -> tuple[float, ...]:
    """Return what the first version gives to an answer."""
    [probe] = learner(base).probes([(prompt, tokens)])
    return probe.logprobs


def test_a_ratio_to_what_nobody_logged_starts_at_exactly_1(base: Path, sample_of: SampleOf) -> None:
    sample = sample_of((2, 3), (4, 5, 1), PolicyGradient(), logprobs=(), temperature=0.7)
    assert learner(base).accumulate([sample], Meter()) == -1.0


@pytest.mark.parametrize(
    "loss",
    [PolicyGradient(epsilon=0.01), ImplicitNegative(), Divergence(estimator="k3", ratio=True)],
)
def test_what_nobody_logged_is_compared_with_the_beginning_of_the_round(
    base: Path, sample_of: SampleOf, loss: Loss
) -> None:
    learnt = []
    for logged in (True, False):
        samples = [
            sample_of(
                prompt,
                (5, 6, 1),
                loss,
                logprobs=own(base, prompt, (5, 6, 1)) if logged else (),
                target=0.5,
                weights=(weight,) * 3,
                teacher_prompt=(9, *prompt),
            )
            for prompt, weight in (((2, 3), 1.0), ((4,), -1.0), ((7, 2), 0.5))
        ]
        subject = learner(base, **MANY)
        subject.learn(samples, 1)
        learnt.append(weights(subject))
    assert torch.allclose(*learnt, atol=2e-6)
    assert not torch.allclose(learnt[0], weights(learner(base)), atol=1e-3)


def test_a_new_round_has_a_beginning_of_its_own(base: Path, sample_of: SampleOf) -> None:
    for loss, first in ((PolicyGradient(), -1.0), (Preference(), math.log(2))):
        subject = learner(base, learning_rate=1e-2)
        sample = sample_of((2, 3), (4, 5, 1), loss, logprobs=(), rejected=(6, 1))
        values = [subject.learn([sample], version)["loss"] for version in (1, 2)]
        assert values == [pytest.approx(first)] * 2


def test_an_estimate_is_at_the_temperature_that_the_token_was_sampled_at(
    base: Path, sample_of: SampleOf
) -> None:
    subject, rows, heat = learner(base), [((2, 3), (4, 5, 1)), ((2, 9), (4, 5, 1))], 0.5
    with torch.no_grad():
        student, teacher = (
            (answer_logits(subject.model, [row]) / heat).log_softmax(-1) for row in rows
        )
    at = torch.arange(3), torch.tensor(rows[0][1])
    sample = sample_of(
        *rows[0], Divergence(estimator="sampled"), teacher_prompt=rows[1][0], temperature=heat
    )
    expected = float((student[at] - teacher[at]).mean())
    assert subject.accumulate([sample], Meter()) == pytest.approx(expected, abs=1e-6)


def test_a_preference_is_over_sums_and_against_the_beginning(
    base: Path, sample_of: SampleOf
) -> None:
    chosen, rejected, prompt, beta = (4, 5, 1), (6, 1), (2, 3), 0.3
    pair = sample_of(prompt, chosen, Preference(beta=beta), rejected=rejected, logprobs=())
    subject = learner(base)
    assert subject.accumulate([pair], Meter()) == pytest.approx(math.log(2))
    gain = {}
    with torch.no_grad():
        for parameter in subject.model.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.02)
    for answer in (chosen, rejected):
        [probe] = subject.probes([(prompt, answer)])
        gain[answer] = sum(probe.logprobs) - sum(own(base, prompt, answer))
    expected = math.log(1 + math.exp(-beta * (gain[chosen] - gain[rejected])))
    assert subject.accumulate([pair], Meter()) == pytest.approx(expected, abs=1e-6)
    assert expected != pytest.approx(math.log(2), abs=1e-3)


def test_a_preference_pulls_at_both_answers_alike_at_first(base: Path, sample_of: SampleOf) -> None:
    chosen, rejected = (4, 5, 1), (6, 1)
    pair = sample_of((2, 3), chosen, Preference(beta=0.3), rejected=rejected)
    liked, disliked = sample_of((2, 3), chosen), sample_of((2, 3), rejected)
    subject = learner(base)
    expected = 3 * gradient(subject, [liked]) - 2 * gradient(subject, [disliked])
    assert torch.allclose(gradient(subject, [pair]), 0.15 * expected, atol=1e-6)


def test_the_likelihood_beside_a_preference_is_the_mean_of_the_tokens_that_train(
    base: Path, sample_of: SampleOf
) -> None:
    subject, answer = learner(base), (4, 5, 1)
    kept = (0.0, 1.0, 1.0)
    pair = sample_of((2, 3), answer, Preference(), rejected=(6, 1), weights=kept)
    both = sample_of((2, 3), answer, Preference(nll=0.1), rejected=(6, 1), weights=kept)
    likely = gradient(subject, [sample_of((2, 3), answer, weights=kept)])
    extra = gradient(subject, [both]) - gradient(subject, [pair])
    assert torch.allclose(extra, 0.1 * likely, atol=1e-6)


def test_importance_between_sampler_and_learner_is_truncated_and_constant(
    base: Path, sample_of: SampleOf
) -> None:
    prompt, tokens = (2, 3), (4, 5, 1)
    raw, cap = (0.5, 1.2, 8.0), 2.0
    known = zip(own(base, prompt, tokens), raw, strict=True)
    logged = [logprob - math.log(ratio) for logprob, ratio in known]
    loss = PolicyGradient(importance_sampling_cap=cap)
    corrected = sample_of(prompt, tokens, loss, logprobs=logged)
    plain = sample_of(prompt, tokens, PolicyGradient(), logprobs=(), weights=(0.5, 1.2, 2.0))
    subject, meter = learner(base), Meter()
    assert torch.allclose(gradient(subject, [corrected]), gradient(subject, [plain]), atol=1e-6)
    subject.accumulate([corrected], meter)
    metrics, name = meter.metrics(), "sampling/importance_sampling_ratio"
    found = [metrics[f"{name}{part}"] for part in ("/min", "/max", "_uncapped/max")]
    assert found == pytest.approx([0.5, 2.0, 8.0], rel=1e-4)


def test_tokens_that_were_unlikely_at_the_beginning_do_not_train(
    base: Path, sample_of: SampleOf
) -> None:
    prompt, tokens = (2, 3), (4, 5, 1)
    logprobs = own(base, prompt, tokens)
    middle = sorted(logprobs)[1]
    kept = tuple(float(each >= middle) for each in logprobs)
    masked = sample_of(prompt, tokens, PolicyGradient(), logprobs=(), weights=kept)
    floor = PolicyGradient(least_logprob=middle - 1e-5)
    sample = sample_of(prompt, tokens, floor, logprobs=())
    subject = learner(base)
    # a token that is too unlikely still counts in the mean
    expected = gradient(subject, [masked]) * sum(kept) / 3
    assert torch.allclose(gradient(subject, [sample]), expected, atol=1e-7)
    assert sum(kept) == 2


def test_an_advantage_less_the_log_ratio_is_a_policy_gradient_and_a_sampled_divergence(
    base: Path, sample_of: SampleOf
) -> None:
    prompt, tokens, lesson, share = (2, 3), (4, 5, 1), (2, 9, 3), 0.4
    subject = learner(base)
    taught = own(base, lesson, tokens)
    gaps = [t - s for t, s in zip(taught, own(base, prompt, tokens), strict=True)]
    apart = [
        sample_of(prompt, tokens, PolicyGradient(), logprobs=(), weights=(0.7,) * 3),
        sample_of(
            prompt,
            tokens,
            Divergence(estimator="sampled"),
            weights=(share,) * 3,
            teacher_prompt=lesson,
        ),
    ]
    mixed = [0.7 + share * gap for gap in gaps]
    together = sample_of(prompt, tokens, PolicyGradient(), logprobs=(), weights=mixed)
    assert torch.allclose(gradient(subject, apart), gradient(subject, [together]), atol=1e-6)


def test_the_first_tokens_are_skipped_as_if_they_weighed_nothing(
    base: Path, sample_of: SampleOf
) -> None:
    subject = learner(base)
    skipped, masked = (
        sample_of((2, 3), (4, 5, 6, 1), loss, teacher_prompt=(2, 9), weights=weights)
        for loss, weights in (
            (Divergence(skip_first=2), (1.0,) * 4),
            (Divergence(), (0.0, 0.0, 1.0, 1.0)),
        )
    )
    assert skipped.trained == masked.trained == 2
    assert torch.equal(gradient(subject, [skipped]), gradient(subject, [masked]))


def test_the_future_of_an_answer_is_what_its_later_tokens_cost(
    base: Path, sample_of: SampleOf
) -> None:
    subject, tokens = learner(base), (4, 5, 1)
    told = {"teacher_prompt": (2, 9), "logprobs": ()}
    plain = sample_of((2, 3), tokens, Divergence(), **told)
    costs = []
    for at in range(3):
        alone = plain.model_copy(update={"weights": tuple(float(at == t) for t in range(3))})
        costs.append(subject.accumulate([alone], Meter()))
    later = (0.5 * costs[1] + 0.25 * costs[2], 0.5 * costs[2], 0.0)
    blamed = sample_of((2, 3), tokens, PolicyGradient(), logprobs=(), weights=[-x for x in later])
    # the last token answers for nothing, and is masked: so the mean is over two
    expected = gradient(subject, [plain]) + gradient(subject, [blamed]) * 2 / 3
    found = gradient(subject, [sample_of((2, 3), tokens, Divergence(future=0.5), **told)])
    assert torch.allclose(found, expected, atol=1e-6)


def test_the_anchor_is_the_first_version_and_has_a_mean_of_its_own(
    base: Path, sample_of: SampleOf
) -> None:
    subject = learner(base)
    anchor = sample_of((2, 3), (4, 5, 1), Divergence(against="base"))
    lesson = sample_of((2,), (3, 1), Divergence(), teacher_prompt=(2, 9))
    alone = gradient(subject, [lesson])
    assert gradient(subject, [anchor]).abs().max() == 0
    assert torch.equal(gradient(subject, [anchor, lesson]), alone)
    with torch.no_grad():
        for parameter in subject.model.parameters():
            parameter.mul_(1.05)
    meter = Meter()
    subject.accumulate([anchor], meter)
    assert meter.metrics()["kl"] > 0
