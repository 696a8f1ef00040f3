"""Losses of what was sampled: policy gradients, negatives, estimates, blame, pairs."""

import math
from itertools import product

import pytest
import torch
from torch import Tensor

from simctl.trainer.advantages import centred
from simctl.trainer.losses import divergences, estimates, pairs, policy
from simctl.trainer.sample import Divergence, ImplicitNegative, PolicyGradient, Preference

STUDENT = torch.tensor([2.0, 0.5, -1.0, 0.0], dtype=torch.float64)
TEACHER = torch.tensor([1.0, 1.5, -0.5, 0.2], dtype=torch.float64)
REVERSE = [0.344570, -0.240005, -0.035876, -0.068689]
FORWARD = [0.409002, -0.337982, -0.031830, -0.039190]


def surrogate(log_ratio: float, weight: float) -> tuple[float, float]:
    """Return the loss and its derivative by the log-probability."""
    logprob = torch.tensor([log_ratio], requires_grad=True)
    loss = PolicyGradient(epsilon=0.2, epsilon_high=0.3)
    row = torch.tensor([0])
    ratios = policy.log_ratios(logprob, torch.zeros(1), row, loss)
    value = policy.policy_gradient(ratios, torch.tensor([weight]), loss)
    value.sum().backward()  # type: ignore[no-untyped-call]
    assert logprob.grad is not None
    return float(value.detach()), float(logprob.grad)


def test_on_policy_the_gradient_is_minus_the_advantage() -> None:
    assert surrogate(0.0, 1.5) == (-1.5, -1.5)


def test_a_ratio_beyond_the_clip_stops_training_only_where_it_has_gained() -> None:
    high, low = 0.5, -0.5
    assert surrogate(high, 1.0) == (pytest.approx(-1.3), 0.0)
    assert surrogate(low, -1.0) == (pytest.approx(0.8), 0.0)
    assert surrogate(low, 1.0)[1] != 0
    assert surrogate(high, -1.0)[1] != 0


def test_the_ratio_of_a_sequence_is_the_mean_over_its_own_tokens() -> None:
    loss = PolicyGradient(importance_sampling_level="sequence")
    row = torch.tensor([0, 0, 1])
    ratios = policy.log_ratios(torch.tensor([0.1, 0.3, -0.4]), torch.zeros(3), row, loss)
    assert ratios.tolist() == pytest.approx([0.2, 0.2, -0.4])


def test_a_ratio_that_would_overflow_stays_finite() -> None:
    ratios = policy.log_ratios(
        torch.tensor([0.0]), torch.tensor([-900.0]), torch.tensor([0]), PolicyGradient()
    )
    assert ratios.exp().isfinite().all()


def slopes(value: Tensor, of: Tensor) -> list[float]:
    """Return the derivative of a sum."""
    [found] = torch.autograd.grad(value.sum(), of)
    slope: list[float] = found.tolist()
    return slope


def test_tokens_of_another_author_train_by_the_shaped_ratio() -> None:
    chance, gamma = torch.tensor([0.5, 0.05, 0.05]), 0.1
    logprobs = chance.log().requires_grad_()
    weights = torch.tensor([1.0, 2.0, -1.0])
    found = slopes(policy.shaped(logprobs, weights, gamma), logprobs)
    assert found == pytest.approx((-weights * chance / (chance + gamma)).tolist())


def test_a_bad_token_of_another_author_that_is_unlikely_already_is_left_alone() -> None:
    logprobs = torch.tensor([0.009, 0.011, 0.009]).log().requires_grad_()
    found = slopes(policy.shaped(logprobs, torch.tensor([-1.0, -1.0, 1.0]), 0.1), logprobs)
    assert [bool(each) for each in found] == [False, True, True]


def test_the_negative_likelihood_ratio_is_that_of_what_was_wrong() -> None:
    logprobs = torch.tensor([-0.4, -0.4], dtype=torch.float64, requires_grad=True)
    weights, solved = torch.tensor([2.0, -2.0]), torch.tensor([0.25, 0.25])
    each = policy.implicit_negative(logprobs, weights, solved, ImplicitNegative(epsilon=0.1))
    ratio = math.exp(-0.4)
    negative = (1 - 0.25 * ratio) / 0.75
    assert each.tolist() == pytest.approx([0.8, -2 * math.log(negative)])
    assert slopes(each, logprobs) == pytest.approx([-2.0, 2 * 0.25 * ratio / 0.75 / negative])


def test_beyond_the_bound_a_negative_keeps_its_value_and_its_gradient_goes_on() -> None:
    logprobs = torch.tensor([0.5], dtype=torch.float64, requires_grad=True)
    rate = torch.tensor([0.5])
    each = policy.implicit_negative(logprobs, torch.tensor([-1.0]), rate, ImplicitNegative())
    # the ratio of negatives is 0.35, and counts as 1
    assert float(each.detach()) == 0.0
    assert slopes(each, logprobs) == pytest.approx([math.exp(0.5)])


def test_a_negative_that_has_become_certain_stays_finite() -> None:
    logprobs = torch.tensor([15.0, 900.0], requires_grad=True)
    weights, rate = torch.tensor([-1.0, -1.0]), torch.tensor([0.5, 0.5])
    each = policy.implicit_negative(logprobs, weights, rate, ImplicitNegative(epsilon=0.5))
    assert each.tolist() == pytest.approx([math.log(2)] * 2)


@pytest.mark.parametrize("rewards", [[1, 0, 0, 0], [1, 1, 1, 0], [1, 0, 1, 0, 0]])
def test_negatives_are_grpo_up_to_the_weight_of_the_question_when_on_policy(
    rewards: list[float],
) -> None:
    rate = sum(rewards) / len(rewards)
    logprobs = torch.zeros(len(rewards), dtype=torch.float64, requires_grad=True)
    solved, row = torch.full_like(logprobs, rate).detach(), torch.arange(len(rewards))
    signs = torch.tensor([1.0 if reward else -1.0 for reward in rewards])
    spread = math.sqrt(rate * (1 - rate))
    for weight, scale in ((1 - rate, 1.0), (math.sqrt((1 - rate) / rate), spread)):
        ours = policy.implicit_negative(logprobs, weight * signs, solved, ImplicitNegative())
        ratios = policy.log_ratios(logprobs, logprobs.detach(), row, PolicyGradient())
        advantages = torch.tensor(centred(rewards)) / scale
        theirs = policy.policy_gradient(ratios, advantages, PolicyGradient())
        assert slopes(ours, logprobs) == pytest.approx(slopes(theirs, logprobs))


def expected(loss: Divergence, *, old: Tensor | None = None) -> list[float]:
    """Return the mean gradient by the logits over all tokens that the student may sample."""
    logits = STUDENT.clone().requires_grad_()
    s, t = logits.log_softmax(-1), TEACHER.log_softmax(-1)
    each = estimates.estimate(s, t, s.detach() if old is None else old, loss)
    return slopes(s.detach().exp() * each, logits)


@pytest.mark.parametrize(
    ("estimator", "ratio", "gradient"),
    [
        ("sampled", False, REVERSE),
        ("sampled", True, REVERSE),
        ("k3", False, FORWARD),
        ("k3", True, REVERSE),
    ],
)
def test_estimates_have_the_gradient_of_what_they_estimate_in_the_mean(
    estimator: str, ratio: bool, gradient: list[float]
) -> None:
    loss = Divergence.model_validate({"estimator": estimator, "ratio": ratio})
    assert expected(loss) == pytest.approx(gradient, abs=1e-6)


@pytest.mark.parametrize(
    ("estimator", "values"),
    [
        ("sampled", [0.857971, -1.142029, -0.642029, -0.342029]),
        ("k3", [0.281992, 0.991091, 0.258304, 0.065772]),
    ],
)
def test_estimates_have_the_golden_values(estimator: str, values: list[float]) -> None:
    s, t = STUDENT.log_softmax(-1), TEACHER.log_softmax(-1)
    loss = Divergence.model_validate({"estimator": estimator})
    assert estimates.estimate(s, t, s, loss).tolist() == pytest.approx(values, abs=1e-6)


@pytest.mark.parametrize("estimator", ["sampled", "k3"])
@pytest.mark.parametrize("ratio", [False, True])
def test_an_estimate_from_a_teacher_that_is_the_student_is_exactly_0(
    estimator: str, ratio: bool
) -> None:
    s = STUDENT.log_softmax(-1).requires_grad_()
    loss = Divergence.model_validate({"estimator": estimator, "ratio": ratio})
    each = estimates.estimate(s, s.detach(), s.detach() - 0.3, loss)
    assert (each.tolist(), slopes(each, s)) == ([0.0] * 4, [0.0] * 4)


@pytest.mark.parametrize("estimator", ["sampled", "k3"])
@pytest.mark.parametrize("ratio", [False, True])
def test_an_estimate_from_words_that_were_impossible_stays_finite(
    estimator: str, ratio: bool
) -> None:
    student = torch.tensor([-0.1, -900.0, -0.1], requires_grad=True)
    teacher, old = torch.tensor([-900.0, -0.1, -0.1]), torch.tensor([-0.1, -0.1, -900.0])
    loss = Divergence.model_validate({"estimator": estimator, "ratio": ratio})
    each = estimates.estimate(student, teacher, old, loss)
    assert all(map(math.isfinite, [*each.tolist(), *slopes(each, student)]))


@pytest.mark.parametrize("estimator", ["sampled", "k3"])
def test_the_clip_bounds_what_one_token_can_say(estimator: str) -> None:
    student, teacher = torch.tensor([-0.1, -9.0, -1.0]), torch.tensor([-9.0, -0.1, -1.1])
    told = {"estimator": estimator}
    plain, bound = (
        estimates.estimate(student, teacher, student, Divergence.model_validate(told | more))
        for more in ({}, {"clip": 2.0})
    )
    assert plain.abs().tolist()[:2] > [2.0, 2.0]
    assert bound.abs().max() == 2.0
    assert bound[2] == plain[2]


def test_a_token_that_has_become_much_less_probable_does_not_train() -> None:
    student = torch.tensor([0.3, 0.5, 0.9]).log().requires_grad_()
    old = torch.tensor([0.51, 0.69, 0.1]).log()
    loss = Divergence(estimator="sampled", ratio=True, band=0.2)
    found = slopes(estimates.estimate(student, torch.zeros(3), old, loss), student)
    assert [bool(each) for each in found] == [False, True, True]


def test_the_ratio_penalty_pulls_the_ratio_to_1() -> None:
    student = torch.tensor([-1.0, -1.0], requires_grad=True)
    loss = Divergence(estimator="sampled", ratio=True, ratio_penalty=0.01)
    each = estimates.estimate(student, student.detach(), torch.tensor([-1.5, -1.0]), loss)
    assert slopes(each, student) == pytest.approx([0.01, 0.0])


def test_a_sum_of_later_costs_is_discounted_by_their_distance() -> None:
    costs, row = torch.tensor([1.0, 2.0, 4.0, 8.0, 16.0]), torch.tensor([0, 0, 0, 1, 1])
    plain = estimates.blame(costs, row, Divergence(future=0.5))
    assert plain.tolist() == [2.0, 2.0, 0.0, 8.0, 0.0]
    less = estimates.blame(costs, row, Divergence(future=0.5, baseline=True))
    assert less.tolist() == [2 - 0.75, 2 - 0.75, 0.0, 8 - 4, 0.0]


@pytest.mark.parametrize("baseline", [False, True])
@pytest.mark.parametrize("direction", ["forward", "reverse", "cross_entropy"])
def test_with_the_future_the_gradient_is_that_of_whole_trajectories(
    direction: str, baseline: bool
) -> None:
    torch.manual_seed(3)
    # at first there is one prefix, then one for each first word
    logits = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    teacher = torch.randn(4, 3, dtype=torch.float64)
    loss = Divergence.model_validate({"direction": direction, "future": 1.0, "baseline": baseline})
    costs, logprobs = divergences.divergence(logits, teacher, loss), logits.log_softmax(-1)
    exact = costs[0] + (logprobs[0].exp() * costs[1:]).sum()
    surrogate = torch.zeros((), dtype=torch.float64)
    for first, second in product(range(3), range(3)):
        visited = [0, 1 + first]
        said = torch.stack([logprobs[0, first], logprobs[1 + first, second]])
        later = estimates.blame(costs[visited].detach(), torch.zeros(2), loss)
        chance = said.sum().exp().detach()
        surrogate = surrogate + chance * (costs[visited] + said * later).sum()
    [found], [wanted] = (
        torch.autograd.grad(each, logits, retain_graph=True) for each in (surrogate, exact)
    )
    assert torch.allclose(found, wanted, atol=1e-12)


def test_a_preference_is_the_log_sigmoid_of_the_difference_in_gain() -> None:
    chosen, rejected = torch.tensor([0.7, 0.0]), torch.tensor([-0.5, 0.0])
    each = pairs.preference(chosen, rejected, Preference(beta=0.5))
    assert each.tolist() == pytest.approx([math.log(1 + math.exp(-0.6)), math.log(2)])
