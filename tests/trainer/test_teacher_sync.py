import copy
from pathlib import Path

import pytest
import torch
from torch import nn

from simctl.trainer.learner import load
from simctl.trainer.settings import TeacherSettings
from simctl.trainer.teacher_sync import Teacher


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
    for _ in range(2):
        move(student, 1.0)
        teacher.follow()
    # .25 of 1, and then .75 of that and .25 of 2
    assert torch.allclose(first(teacher.model), start + 0.6875)


def test_small_moves_are_not_lost(student: nn.Module) -> None:
    start = first(student).double()
    teacher = Teacher(student, copy.deepcopy(student), TeacherSettings(sync="ema", decay=0.999))
    move(student, 1e-3)
    for _ in range(1000):
        teacher.follow()
    expected = start + 1e-3 * (1 - 0.999**1000)
    assert torch.allclose(first(teacher.model).double(), expected, atol=2e-6)


def test_a_frozen_teacher_stays_and_a_live_one_is_the_student(student: nn.Module) -> None:
    start = first(student)
    frozen = Teacher(student, copy.deepcopy(student), TeacherSettings(sync="frozen"))
    live = Teacher(student, copy.deepcopy(student), TeacherSettings(sync="live"))
    move(student, 1.0)
    for teacher in (frozen, live):
        teacher.follow()
    assert torch.equal(first(frozen.model), start)
    assert live.model is student


def test_a_teacher_has_nothing_to_train(student: nn.Module) -> None:
    teacher = Teacher(student, copy.deepcopy(student), TeacherSettings())
    assert not any(parameter.requires_grad for parameter in teacher.model.parameters())


def test_only_an_average_needs_to_be_kept(student: nn.Module) -> None:
    for sync, kept in (("ema", True), ("frozen", False), ("live", False)):
        settings = TeacherSettings.model_validate({"sync": sync})
        assert bool(Teacher(student, copy.deepcopy(student), settings).state()) == kept
