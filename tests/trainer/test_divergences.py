"""Divergences: golden vectors, values and gradients with respect to the student's logits."""

from typing import Literal

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from simctl.trainer.losses import divergences
from simctl.trainer.sample import Divergence

STUDENT = [2.0, 0.5, -1.0, 0.0]
TEACHER = [1.0, 1.5, -0.5, 0.2]
Direction = Literal["forward", "reverse", "jsd", "cross_entropy"]
DIRECTIONS: tuple[Direction, ...] = ("forward", "reverse", "jsd")
APART = st.permutations([-2.0, -1.1, -0.3, 0.4, 1.2, 2.5])  # no two words tie
LOGITS = st.lists(st.floats(-5, 5), min_size=6, max_size=6)
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
    value = divergences.divergence(logits, torch.tensor([teacher], dtype=torch.float64), loss).sum()
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


# of two words: forgotten, forgotten with a constant log-ratio, divided out, as cross-entropy
CUT = [
    ({"tail": "none"}, 0.428296, [0.398458, -0.227981, -0.045848, -0.124628]),
    (
        {"tail": "none", "stop_gradient": True},
        0.428296,
        [0.305112, -0.248810, -0.015142, -0.041160],
    ),
    ({"tail": "renormalise"}, 0.407813, [0.298293, -0.298293, 0, 0]),
    (
        {"tail": "none", "direction": "cross_entropy"},
        1.276039,
        [0.332559, -0.464015, 0.035354, 0.096102],
    ),
]


@pytest.mark.parametrize(("fields", "value", "gradient"), CUT)
def test_supports_are_those_of_the_golden_vectors(
    fields: dict[str, object], value: float, gradient: list[float]
) -> None:
    loss = Divergence.model_validate({"direction": "reverse", "top_k": 2} | fields)
    found, slope = value_and_gradient(loss, STUDENT, TEACHER)
    assert (value, gradient) == (pytest.approx(found, abs=1e-6), pytest.approx(slope, abs=1e-6))


@pytest.mark.parametrize(
    ("direction", "gradient"),
    [
        ("reverse", [0.093346, 0.020828, -0.030706, -0.083469]),  # drains the head
        ("cross_entropy", [-0.107475, -0.023981, 0.035354, 0.096102]),  # sharpens it
    ],
)
def test_a_forgotten_tail_moves_a_student_that_is_its_teacher(
    direction: Direction, gradient: list[float]
) -> None:
    loss = Divergence(direction=direction, top_k=2, tail="none")
    _, slope = value_and_gradient(loss, STUDENT, STUDENT)
    assert gradient == pytest.approx(slope, abs=1e-6)


@given(LOGITS, LOGITS, st.floats(0.05, 0.95))
def test_full_gradients_are_the_closed_forms(
    student: list[float], teacher: list[float], beta: float
) -> None:
    s, t = (torch.tensor(each, dtype=torch.float64).softmax(-1) for each in (student, teacher))
    ratio, between = (s / t).log(), (1 - beta) * (s / ((1 - beta) * s + beta * t)).log()
    closed: dict[Direction, Tensor] = {
        "forward": s - t,
        "cross_entropy": s - t,
        "reverse": s * (ratio - (s * ratio).sum()),
        "jsd": s * (between - (s * between).sum()),
    }
    for direction, expected in closed.items():
        loss = Divergence(direction=direction, beta=beta)
        _, slope = value_and_gradient(loss, student, teacher)
        assert slope == pytest.approx(expected.tolist(), abs=1e-9)


@given(LOGITS, LOGITS)
def test_a_constant_log_ratio_has_the_gradient_of_reverse_on_all_words(
    student: list[float], teacher: list[float]
) -> None:
    plain = value_and_gradient(Divergence(direction="reverse"), student, teacher)
    constant = Divergence(direction="reverse", stop_gradient=True)
    assert value_and_gradient(constant, student, teacher)[1] == pytest.approx(plain[1], abs=1e-9)


@given(APART, APART, st.integers(1, 6))
def test_what_both_find_likely_is_compared_as_if_there_were_no_other_words(
    student: list[float], teacher: list[float], k: int
) -> None:
    loss = Divergence(
        direction="reverse", support="both", top_k=k, tail="renormalise", stop_gradient=True
    )
    ours, theirs = (
        set(torch.tensor(each, dtype=torch.float64).topk(k).indices.tolist())
        for each in (student, teacher)
    )
    shared = sorted(ours & theirs)
    value, slope = value_and_gradient(loss, student, teacher)
    if not shared:
        assert (value, any(slope)) == (0, False)
        return
    kept = [student[word] for word in shared], [teacher[word] for word in shared]
    alone, inner = value_and_gradient(Divergence(direction="reverse", stop_gradient=True), *kept)
    assert value == pytest.approx(alone, abs=1e-9)
    assert [slope[word] for word in shared] == pytest.approx(inner, abs=1e-9)


def test_the_support_is_the_students_for_reverse_and_the_teachers_for_forward() -> None:
    student, teacher = [3.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 3.0]
    for direction, own in (("reverse", "student"), ("jsd", "student"), ("forward", "teacher")):
        told = {"direction": direction, "top_k": 1}
        found = [
            value_and_gradient(Divergence.model_validate(told | more), student, teacher)
            for more in (
                {},
                {"support": own},
                {"support": {"student", "teacher"}.difference({own}).pop()},
            )
        ]
        assert found[0] == found[1] != found[2]


def test_cross_entropy_is_forward_and_the_teachers_entropy() -> None:
    t = torch.tensor(TEACHER, dtype=torch.float64).softmax(-1)
    forward, slope = value_and_gradient(Divergence(), STUDENT, TEACHER)
    found, same = value_and_gradient(Divergence(direction="cross_entropy"), STUDENT, TEACHER)
    assert found == pytest.approx(forward - float((t * t.log()).sum()))
    assert same == slope


@pytest.mark.parametrize("direction", [*DIRECTIONS, "cross_entropy"])
@pytest.mark.parametrize("tail", ["bucket", "renormalise"])
@pytest.mark.parametrize("support", ["student", "teacher", "both"])
def test_mended_supports_teach_a_student_that_is_its_teacher_exactly_nothing(
    direction: str, tail: str, support: str
) -> None:
    torch.manual_seed(0)
    logits = (torch.randn(64, 19) * 5).requires_grad_()
    told = {"direction": direction, "tail": tail, "support": support, "top_k": 4}
    divergences.divergence(logits, logits, Divergence.model_validate(told)).sum().backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert float(logits.grad.abs().max()) == 0.0


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("top_k", [0, 2, 7])
@pytest.mark.parametrize("beta", [0.1, 0.5, 0.9])
def test_a_teacher_that_is_the_student_teaches_exactly_nothing(
    direction: Direction, top_k: int, beta: float
) -> None:
    torch.manual_seed(0)
    logits = (torch.randn(64, 19) * 5).requires_grad_()
    loss = Divergence(direction=direction, top_k=top_k, beta=beta)
    value = divergences.divergence(logits, logits, loss)
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
        return divergences.divergence(logits, teacher, loss)

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
    assert not divergences.divergence(student, teacher, Divergence()).requires_grad
