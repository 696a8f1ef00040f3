import copy
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from simctl.trainer.learner import Learner, load
from simctl.trainer.sample import Divergence, Sample
from simctl.trainer.settings import TeacherSettings, Training
from simctl.trainer.teacher_sync import Teacher

SampleOf = Any  # conftest makes it


@pytest.fixture
def student(base: Path) -> nn.Module:
    return load(base)


def move(student: nn.Module, by: float) -> None:
    with torch.no_grad():
        for parameter in student.parameters():
            parameter.add_(by)


def first(model: nn.Module) -> torch.Tensor:
    return next(model.parameters())[0, :3].detach().clone()


def test_an_average_follows_in_single_precision_after_every_step(student: nn.Module) -> None:
    start = first(student)
    teacher = Teacher(student, copy.deepcopy(student), TeacherSettings(sync="ema", decay=0.75))
    for step in (1, 2):
        move(student, 1.0)
        teacher.follow("step", step)
    # .25 of 1, and then .75 of that and .25 of 2
    assert torch.allclose(first(teacher.model), start + 0.6875)


def test_small_moves_are_not_lost(student: nn.Module) -> None:
    start = first(student).double()
    teacher = Teacher(student, copy.deepcopy(student), TeacherSettings(sync="ema", decay=0.999))
    move(student, 1e-3)
    for step in range(1, 1001):
        teacher.follow("step", step)
    expected = start + 1e-3 * (1 - 0.999**1000)
    assert torch.allclose(first(teacher.model).double(), expected, atol=2e-6)


def test_a_frozen_teacher_stays_and_a_live_one_is_the_student(student: nn.Module) -> None:
    start = first(student)
    frozen = Teacher(student, copy.deepcopy(student), TeacherSettings(sync="frozen"))
    live = Teacher(student, student, TeacherSettings(sync="live"))
    move(student, 1.0)
    for teacher in (frozen, live):
        teacher.follow("step", 1)
    assert torch.equal(first(frozen.model), start)
    assert live.model is student


def test_a_teacher_has_nothing_to_train(student: nn.Module) -> None:
    teacher = Teacher(student, copy.deepcopy(student), TeacherSettings())
    assert not any(parameter.requires_grad for parameter in teacher.model.parameters())


@pytest.mark.parametrize("unit", ["step", "round"])
def test_a_snapshot_is_the_student_of_the_last_time(student: nn.Module, unit: str) -> None:
    told = {"sync": "snapshot", "every": 2, "unit": unit}
    teacher = Teacher(student, copy.deepcopy(student), TeacherSettings.model_validate(told))
    start, seen = first(student), []
    for done in range(1, 6):
        move(student, 1.0)
        teacher.follow("step", done if unit == "step" else 2)
        teacher.follow("round", done if unit == "round" else 2)
        seen.append(round(float((first(teacher.model) - start).mean())))
    assert seen == [0, 2, 2, 4, 4]


def test_an_average_that_moves_seldom_moves_as_far(student: nn.Module) -> None:
    start = first(student)
    teacher = Teacher(student, copy.deepcopy(student), TeacherSettings(decay=0.75, every=3))
    for step in range(1, 6):
        move(student, 1.0)
        teacher.follow("step", step)
    assert torch.allclose(first(teacher.model), start + 0.25 * 3)


def settings(sync: str) -> Training:
    told = {
        "objective": [{"kind": "divergence"}],
        "teacher": {"sync": sync, "every": 2},
        "trainer": {"learning_rate": 1e-2, "minibatch_size": 1},
    }
    return Training.model_validate(told)


def learner(base: Path, sync: str) -> Learner:
    return Learner(base, base, settings(sync))


def lessons(sample_of: SampleOf) -> list[Sample]:
    told = [((2, 3), (4, 5, 1)), ((6,), (7, 1)), ((8, 9), (3, 1))]
    return [sample_of(*each, Divergence(), teacher_prompt=(2, 9, 3)) for each in told]


@pytest.mark.parametrize("sync", ["frozen", "ema", "snapshot", "live"])
def test_a_resumed_learner_has_the_same_teacher(
    base: Path, tmp_path: Path, sample_of: SampleOf, sync: str
) -> None:
    whole = learner(base, sync)
    whole.learn(lessons(sample_of), 1)
    whole.save(tmp_path)
    resumed = Learner(tmp_path, base, settings(sync))
    resumed.restore(tmp_path)
    for each in (whole, resumed):
        each.learn(lessons(sample_of), 2)
    assert all(map(torch.equal, whole.model.parameters(), resumed.model.parameters()))


def test_a_step_that_is_skipped_does_not_move_the_teacher(base: Path, sample_of: SampleOf) -> None:
    subject = learner(base, "ema")
    subject.learn(lessons(sample_of)[:1], 1)
    assert subject._teacher is not None  # noqa: SLF001 - that it stands still cannot be seen else
    before = first(subject._teacher.model)  # noqa: SLF001
    broken = lessons(sample_of)[0].model_copy(update={"weights": (math.nan,) * 3})
    assert subject.learn([broken], 2)["skipped_steps"] == 1
    assert torch.equal(first(subject._teacher.model), before)  # noqa: SLF001


def test_a_frozen_teacher_and_the_anchor_are_one_model(base: Path) -> None:
    subject = learner(base, "frozen")
    assert subject._teacher is not None  # noqa: SLF001 - memory cannot be seen else
    assert subject._teacher.model is subject.anchor  # noqa: SLF001


def test_only_a_teacher_that_moves_needs_to_be_kept(student: nn.Module) -> None:
    kinds = (("ema", True), ("snapshot", True), ("frozen", False), ("live", False))
    for sync, kept in kinds:
        told = TeacherSettings.model_validate({"sync": sync})
        assert bool(Teacher(student, copy.deepcopy(student), told).state()) == kept
