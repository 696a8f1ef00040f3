"""Golden vectors: values and gradients with respect to the student's logits."""

from typing import Literal

import pytest
import torch
from torch import Tensor

from simctl.trainer import losses
from simctl.trainer.sample import Divergence, PolicyGradient

STUDENT = [2.0, 0.5, -1.0, 0.0]
TEACHER = [1.0, 1.5, -0.5, 0.2]
Direction = Literal["forward", "reverse", "jsd"]
DIRECTIONS: tuple[Direction, ...] = ("forward", "reverse", "jsd")
GOLDEN = [
    ("forward", 0, 0.398008, [0.409002, -0.337982, -0.031830, -0.039190]),
    ("reverse", 0, 0.372729, [0.344570, -0.240005, -0.035876, -0.068689]),
    ("jsd", 0, 0.092531, [0.086793, -0.065049, -0.008253, -0.013491]),
    ("reverse", 2, 0.371514, [0.345433, -0.239813, -0.028406, -0.077214]),
    ("forward", 2, 0.396061, [0.409002, -0.337982, -0.019100, -0.051920]),
]


def value_and_gradient(
    loss: Divergence, student: list[float], teacher: list[float]
) -> tuple[float, list[float]]:
    logits = torch.tensor([student], dtype=torch.float64, requires_grad=True)
    value = losses.divergence(logits, torch.tensor([teacher], dtype=torch.float64), loss).sum()
    value.backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    return value.item(), logits.grad[0].tolist()


@pytest.mark.parametrize(("direction", "top_k", "value", "gradient"), GOLDEN)
def test_divergences_are_those_of_the_golden_vectors(
    direction: Direction, top_k: int, value: float, gradient: list[float]
) -> None:
    loss = Divergence(direction=direction, top_k=top_k)
    found, slope = value_and_gradient(loss, STUDENT, TEACHER)
    assert (value, gradient) == (pytest.approx(found, abs=1e-6), pytest.approx(slope, abs=1e-6))


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("top_k", [0, 2, 7])
@pytest.mark.parametrize("beta", [0.1, 0.5, 0.9])
def test_a_teacher_that_is_the_student_teaches_exactly_nothing(
    direction: Direction, top_k: int, beta: float
) -> None:
    torch.manual_seed(0)
    logits = (torch.randn(64, 19) * 5).requires_grad_()
    loss = Divergence(direction=direction, top_k=top_k, beta=beta)
    value = losses.divergence(logits, logits, loss)
    value.sum().backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert (float(value.detach().abs().max()), float(logits.grad.abs().max())) == (0.0, 0.0)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("top_k", [0, 5])
@pytest.mark.parametrize("beta", [0.2, 0.5])
def test_gradients_agree_with_finite_differences(
    direction: Direction, top_k: int, beta: float
) -> None:
    torch.manual_seed(1)
    student = torch.randn(3, 11, dtype=torch.float64, requires_grad=True)
    teacher = torch.randn(3, 11, dtype=torch.float64)
    loss = Divergence(direction=direction, top_k=top_k, beta=beta)

    def total(logits: Tensor) -> Tensor:
        return losses.divergence(logits, teacher, loss)

    assert torch.autograd.gradcheck(total, (student,))


def test_jsd_is_the_weighted_divergence_from_the_mixture() -> None:
    beta = 0.3
    s, t = torch.tensor(STUDENT).softmax(-1), torch.tensor(TEACHER).softmax(-1)
    middle = (1 - beta) * s + beta * t
    expected = beta * (t * (t / middle).log()).sum() + (1 - beta) * (s * (s / middle).log()).sum()
    found, _ = value_and_gradient(Divergence(direction="jsd", beta=beta), STUDENT, TEACHER)
    assert float(expected) == pytest.approx(found, abs=1e-6)


def test_the_clip_bounds_the_sum_and_never_its_terms() -> None:
    whole, _ = value_and_gradient(Divergence(), STUDENT, TEACHER)
    loose, slope = value_and_gradient(Divergence(clip=0.5), STUDENT, TEACHER)
    tight, flat = value_and_gradient(Divergence(clip=0.05), STUDENT, TEACHER)
    assert (whole, 0.05) == (loose, tight)
    assert any(slope)
    assert not any(flat)


def test_a_head_that_holds_all_mass_leaves_finite_gradients() -> None:
    sure = [200.0, 0.0, -1.0, -2.0]
    for direction in DIRECTIONS:
        value, slope = value_and_gradient(Divergence(direction=direction, top_k=2), sure, TEACHER)
        assert all(torch.tensor([value, *slope]).isfinite())


def test_no_gradient_flows_to_the_teacher() -> None:
    student, teacher = torch.tensor([STUDENT]), torch.tensor([TEACHER], requires_grad=True)
    assert not losses.divergence(student, teacher, Divergence()).requires_grad


def surrogate(log_ratio: float, weight: float) -> tuple[float, float]:
    """Return the loss and its derivative by the log-probability."""
    logprob = torch.tensor([log_ratio], requires_grad=True)
    loss = PolicyGradient(epsilon=0.2, epsilon_high=0.3)
    row = torch.tensor([0])
    ratios = losses.log_ratios(logprob, torch.zeros(1), row, loss)
    value = losses.policy_gradient(ratios, torch.tensor([weight]), loss)
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
    ratios = losses.log_ratios(torch.tensor([0.1, 0.3, -0.4]), torch.zeros(3), row, loss)
    assert ratios.tolist() == pytest.approx([0.2, 0.2, -0.4])


def test_a_ratio_that_would_overflow_stays_finite() -> None:
    ratios = losses.log_ratios(
        torch.tensor([0.0]), torch.tensor([-900.0]), torch.tensor([0]), PolicyGradient()
    )
    assert ratios.exp().isfinite().all()
