"""The learner against plain sums over single sequences, one at a time."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from simctl.trainer.learner import Learner, load
from simctl.trainer.losses.answers import answer_logits
from simctl.trainer.metrics import Meter
from simctl.trainer.sample import (
    CrossEntropy,
    Divergence,
    ImplicitNegative,
    PolicyGradient,
    Preference,
    Sample,
    Valuation,
)
from simctl.trainer.settings import Training

SampleOf = Any  # conftest makes it
Ids = tuple[int, ...]
DISTIL = {"objective": [{"kind": "divergence"}]}


def learner(base: Path, **tables: object) -> Learner:
    return Learner(base, base, Training.model_validate(DISTIL | tables))


def gradient(of: Learner, samples: list[Sample]) -> Tensor:
    """Return the whole gradient of one step as a vector."""
    of.model.zero_grad()
    of.accumulate(samples, Meter())
    return torch.cat([p.grad.flatten() for p in of.model.parameters() if p.grad is not None])


def plain_logprobs(
    model: torch.nn.Module, prompt: tuple[int, ...], tokens: tuple[int, ...]
) -> Tensor:
    """Score a sequence alone and by the definition: the logits at p - 1 predict the token at p."""
    ids = torch.tensor([[*prompt, *tokens]])
    logprobs = model(input_ids=ids).logits[0].log_softmax(-1)
    return torch.stack([logprobs[len(prompt) + t - 1, token] for t, token in enumerate(tokens)])


def smooth(sample_of: SampleOf) -> list[Sample]:
    """One sample of every loss without constants in it, with lengths of all kinds."""
    return [
        sample_of((2, 3, 4), (5, 6, 1), PolicyGradient(), weights=(1.5,) * 3),
        sample_of((2,), (7, 8, 9, 10, 1), PolicyGradient(), weights=(-0.5,) * 5),
        sample_of((9, 9), (4, 1), weights=(0.2, 0.2)),
        sample_of((3, 4), (11, 12, 1), Divergence(), teacher_prompt=(3, 20, 21, 22, 4)),
        sample_of((3,), (11, 1), Divergence(direction="reverse"), teacher_prompt=(8, 3)),
        sample_of((3,), (11, 4, 1), Divergence(against="base", estimator="k3", ratio=True)),
        sample_of((6, 3), (5, 1), PolicyGradient(entropy=0.1), logprobs=()),
        sample_of((2, 3), (5, 1), Preference(nll=0.5), rejected=(6, 7, 8, 1), weights=(0.0, 0.7)),
        sample_of((4,), (9, 1, 2), Preference(beta=1.0), rejected=(1,)),
        sample_of((2, 3), (9,), Valuation(), target=0.3),
        sample_of((2, 3), (9, 1), ImplicitNegative(epsilon=0.1), target=0.5, weights=(-1.0,) * 2),
        sample_of((2, 5), (9, 8, 1), ImplicitNegative(), target=0.5),
    ]


def mixed(sample_of: SampleOf) -> list[Sample]:
    """One sample of every loss."""
    lesson = (3, 20, 21, 22, 4)
    later = Divergence(direction="cross_entropy", future=0.9, baseline=True, skip_first=1)
    apart = Divergence(direction="reverse", top_k=3, tail="none", stop_gradient=True)
    sampled = Divergence(estimator="sampled", ratio=True, band=0.2, ratio_penalty=0.01)
    return [
        *smooth(sample_of),
        sample_of((3, 4), (11, 12, 13, 1), later, teacher_prompt=lesson),
        sample_of((3, 4), (11, 12, 1), apart, teacher_prompt=lesson),
        sample_of((4,), (11, 12, 1), sampled, teacher_prompt=lesson, logprobs=()),
        sample_of((4,), (11, 12, 1), PolicyGradient(shaping=0.1)),
        sample_of((4, 5), (6, 1), PolicyGradient(importance_sampling_cap=1.05)),
        sample_of((4, 7), (6, 2, 1), PolicyGradient(least_logprob=-3.47), logprobs=()),
    ]


def test_logits_are_those_that_predict_the_answer_whatever_the_prompts_lengths(base: Path) -> None:
    model = load(base)
    rows = [((2, 3, 4, 5, 6), (7, 1)), ((2,), (8, 9, 10, 1)), ((3, 3), (1,))]
    logits = answer_logits(model, rows).log_softmax(-1)
    picked = logits[torch.arange(7), torch.tensor([t for _, tokens in rows for t in tokens])]
    expected = torch.cat([plain_logprobs(model, *row) for row in rows])
    assert torch.allclose(expected, picked, atol=1e-6)


def test_the_end_token_and_token_0_train(base: Path, sample_of: SampleOf) -> None:
    for last in (0, 1):
        masked = sample_of((2, 3), (4, last), weights=(0.0, 1.0))
        assert gradient(learner(base), [masked]).abs().max() > 0


def test_the_loss_is_the_mean_over_the_tokens_of_its_kind(base: Path, sample_of: SampleOf) -> None:
    subject = learner(base)
    first, second = sample_of((2, 3), (4, 5, 6, 1)), sample_of((7,), (8, 1), weights=(0.5, 0.0))
    found = subject.accumulate([first, second], Meter())
    with torch.no_grad():
        long = -plain_logprobs(subject.model, first.prompt, first.tokens).sum()
        short = -0.5 * plain_logprobs(subject.model, second.prompt, second.tokens)[0]
    assert float((long + short) / 5) == pytest.approx(found, abs=1e-6)


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_accumulating_over_forwards_equals_one_batch(
    base: Path, sample_of: SampleOf, rows: int
) -> None:
    samples = mixed(sample_of)
    whole = gradient(learner(base), samples)
    split = gradient(learner(base, trainer={"per_device_train_batch_size": rows}), samples)
    assert torch.allclose(whole, split, atol=1e-7)


def test_a_masked_token_is_still_read_by_student_and_teacher(
    base: Path, sample_of: SampleOf
) -> None:
    for loss in (CrossEntropy(), Divergence()):
        subject, told = learner(base), {"teacher_prompt": (2, 9)}
        parts = [
            sample_of((2, 3), (4, 5, 1), loss, weights=weights, **told)
            for weights in ((1.0, 1.0, 1.0), (1.0, 0.0, 1.0), (0.0, 1.0, 0.0))
        ]
        whole, ends, middle = (gradient(subject, [each]) for each in parts)
        assert torch.allclose(3 * whole, 2 * ends + middle, atol=1e-6)


def test_padding_changes_no_gradient(base: Path, sample_of: SampleOf) -> None:
    one, other = smooth(sample_of)[:2]
    together = gradient(learner(base), [one, other]) * 8
    apart = gradient(learner(base), [one]) * 3 + gradient(learner(base), [other]) * 5
    assert torch.allclose(together, apart, atol=1e-6)


def test_doubling_the_weight_of_one_sample_doubles_its_share(
    base: Path, sample_of: SampleOf
) -> None:
    subject = learner(base)
    with torch.no_grad():  # it has moved away from the anchor
        next(subject.model.parameters()).mul_(1.1)
    for one in mixed(sample_of):
        # its like, so that both are averaged together
        other = one.model_copy(update={"prompt": (5, *one.prompt)})
        heavy = one.model_copy(update={"weights": tuple(2 * weight for weight in one.weights)})
        if isinstance(one.loss, PolicyGradient) and one.loss.entropy:
            continue  # its bonus has no weight
        plain, weighed = gradient(subject, [one, other]), gradient(subject, [heavy, other])
        share = gradient(subject, [one]) / 2
        assert torch.allclose(weighed - plain, share, atol=1e-6), one.loss
        assert share.abs().max() > 1e-5, one.loss


def test_pairs_are_averaged_over_pairs_and_tokens_over_tokens(
    base: Path, sample_of: SampleOf
) -> None:
    subject = learner(base)
    long, short = smooth(sample_of)[7:9]
    both, token = gradient(subject, [long, short]), sample_of((2, 3), (4, 5, 6, 1))
    halves = gradient(subject, [long]) / 2 + gradient(subject, [short]) / 2
    assert torch.allclose(both, halves, atol=1e-7)
    beside = gradient(subject, [long, short, token])
    assert torch.allclose(beside, both + gradient(subject, [token]), atol=1e-6)


def test_the_gradient_agrees_with_finite_differences(base: Path, sample_of: SampleOf) -> None:
    subject = learner(base)
    subject.model.double()
    assert subject._teacher is not None  # noqa: SLF001 - in double precision, too
    subject._teacher.model.double()  # noqa: SLF001
    subject.anchor.double()
    samples = smooth(sample_of)
    slope = gradient(subject, samples)
    direction = torch.sign(slope)
    step = 1e-6
    values = []
    for sign in (1, -2, 1):
        values.append(subject.accumulate(samples, Meter()))
        at = 0
        for parameter in subject.model.parameters():
            size = parameter.numel()
            shift = direction[at : at + size].view_as(parameter)
            parameter.data += sign * step * shift
            at += size
    _, up, down = values
    assert float(slope @ direction) == pytest.approx((up - down) / (2 * step), rel=1e-4)


def test_the_ratio_is_to_the_logged_logprobs_at_the_logged_temperature(
    base: Path, sample_of: SampleOf
) -> None:
    subject = learner(base)
    prompt, tokens, heat = (2, 3), (4, 5, 1), 0.5
    with torch.no_grad():
        logits = answer_logits(subject.model, [(prompt, tokens)]) / heat
    logged = logits.log_softmax(-1)[torch.arange(3), torch.tensor(tokens)].tolist()
    sample = sample_of(
        prompt, tokens, PolicyGradient(), logprobs=logged, temperature=heat, weights=(2.0,) * 3
    )
    meter = Meter()
    assert subject.accumulate([sample], meter) == pytest.approx(-2.0, abs=1e-5)
    assert meter.metrics()["sampling/sampling_logp_difference/max"] < 1e-5


def test_each_token_of_an_answer_by_two_versions_has_its_ratio_to_the_one_that_said_it(
    base: Path, sample_of: SampleOf
) -> None:
    subject = learner(base)
    prompt, tokens = (2, 3), (4, 5, 1)
    with torch.no_grad():
        ours = plain_logprobs(subject.model, prompt, tokens).tolist()
    logged = [ours[0] + 0.5, *ours[1:]]  # an older version said the first
    sample = sample_of(prompt, tokens, PolicyGradient(), logprobs=logged, weights=(1.0,) * 3)
    meter = Meter()
    loss = subject.accumulate([sample], meter)
    assert loss == pytest.approx(-(math.exp(-0.5) + 2) / 3, abs=1e-5)
    gap = "sampling/sampling_logp_difference"
    assert meter.metrics()[f"{gap}/max"] == pytest.approx(0.5, abs=1e-5)
    assert meter.metrics()[f"{gap}/mean"] == pytest.approx(0.5 / 3, abs=1e-5)


def test_a_teacher_with_the_students_view_and_weights_teaches_nothing(
    base: Path, sample_of: SampleOf
) -> None:
    losses = [Divergence(direction=direction) for direction in ("forward", "reverse", "jsd")]
    losses += [Divergence(estimator="sampled"), Divergence(estimator="k3", ratio=True)]
    for loss in losses:
        samples = [
            sample_of((2, 3), (4, 5, 1), loss, teacher_prompt=(2, 3)),
            sample_of((2, 7, 3), (4, 1), loss, teacher_prompt=(2, 7, 3)),
        ]
        subject = learner(base, teacher={"sync": "live"})
        assert gradient(subject, samples).abs().max() == 0


def test_a_live_teacher_gets_no_gradient(base: Path, sample_of: SampleOf) -> None:
    sample = sample_of((2, 3), (4, 5, 1), Divergence(), teacher_prompt=(2, 9, 3))
    frozen = gradient(learner(base, teacher={"sync": "frozen"}), [sample])
    live = gradient(learner(base, teacher={"sync": "live"}), [sample])
    assert torch.equal(frozen, live)


def test_weights_move_against_the_loss(base: Path, sample_of: SampleOf) -> None:
    subject = learner(base, trainer={"learning_rate": 1e-2})
    sample = sample_of((2, 3), (4, 5, 1))
    losses = [subject.learn([sample], version)["loss"] for version in range(1, 6)]
    assert losses == sorted(losses, reverse=True)


def test_a_gradient_that_is_not_finite_skips_the_step_and_is_reported(
    base: Path, sample_of: SampleOf
) -> None:
    subject = learner(base)
    before = [parameter.clone() for parameter in subject.model.parameters()]
    broken = sample_of((2,), (3, 1)).model_copy(update={"weights": (math.nan, 1.0)})
    metrics = subject.learn([broken], 1)
    assert metrics["skipped_steps"] == 1
    assert all(math.isfinite(value) for value in metrics.values())
    assert all(map(torch.equal, before, subject.model.parameters()))


def test_learning_is_the_same_every_time(base: Path, sample_of: SampleOf) -> None:
    metrics, weights = [], []
    for _ in range(2):
        subject = learner(base, trainer={"minibatch_size": 2, "num_iterations": 2})
        metrics.append(subject.learn(mixed(sample_of), 1))
        weights.append(torch.cat([p.flatten() for p in subject.model.parameters()]))
    assert metrics[0] == metrics[1]
    assert torch.equal(*weights)


def test_the_learning_rate_warms_up(base: Path, sample_of: SampleOf) -> None:
    subject = learner(base, trainer={"learning_rate": 0.4, "warmup_steps": 3})
    rates = [subject.learn([sample_of((2,), (1,))], at)["learning_rate"] for at in range(1, 6)]
    assert rates == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.4])


def test_metrics_bear_the_usual_names(base: Path, sample_of: SampleOf) -> None:
    metrics = learner(base).learn(mixed(sample_of), 1)
    ratio = "sampling/importance_sampling_ratio"
    assert set(metrics) == {
        "clip_ratio/high_mean",
        "clip_ratio/low_mean",
        "clip_ratio/region_mean",
        "entropy/solver",
        "grad_norm",
        "kl",
        "learning_rate",
        "loss",
        "loss/anchor",
        "loss/cross_entropy",
        "loss/divergence",
        "loss/nft",
        "loss/policy_gradient",
        "loss/preference",
        "loss/value",
        "num_tokens",
        "rewards/accuracies",
        "rewards/margins",
        f"{ratio}/max",
        f"{ratio}/mean",
        f"{ratio}/min",
        f"{ratio}_uncapped/max",
        f"{ratio}_uncapped/mean",
        f"{ratio}_uncapped/min",
        "sampling/sampling_logp_difference/max",
        "sampling/sampling_logp_difference/mean",
    }
    assert metrics["entropy/solver"] == pytest.approx(math.log(32), rel=0.05)


def test_probes_are_the_logprobs_of_a_full_forward(base: Path) -> None:
    subject = learner(base)
    [probe] = subject.probes([((2, 3), (4, 5, 1))])
    with torch.no_grad():
        expected = plain_logprobs(subject.model, (2, 3), (4, 5, 1))
    assert probe.logprobs == pytest.approx(expected.tolist(), abs=1e-6)


def test_samples_and_losses_whose_parts_do_not_fit_are_refused(sample_of: SampleOf) -> None:
    with pytest.raises(ValueError, match="must be as many"):
        sample_of((2,), (3, 1), weights=(1.0,))
    with pytest.raises(ValueError, match="no teacher_prompt"):
        sample_of((2,), (3, 1), Divergence())
    with pytest.raises(ValueError, match="only for the reverse"):
        Divergence(stop_gradient=True)
    with pytest.raises(ValueError, match="for sampled estimators"):
        Divergence(ratio=True)
    with pytest.raises(ValueError, match="no rejected answer"):
        sample_of((2,), (3, 1), Preference())
    with pytest.raises(ValueError, match="no target"):
        sample_of((2,), (3,), Valuation())
