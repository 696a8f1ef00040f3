from typing import Any

import pytest

from simctl.trainer.metrics import describe
from simctl.trainer.trajectory import groups, trajectories

Story = Any  # conftest makes it


def test_a_role_that_says_several_things_has_numbers_for_each_beside_its_own(story: Story) -> None:
    task = story.task(prompt=(5,), tokens=(6, 1))
    story.grade(task, task, "examiner", 0.5)
    made = [story.attempt(task, task, (8 + at, 1), float(at)) for at in range(2)]
    story.revise(task, made[0], (9, 9, 1), 1.0)
    found = describe(groups(trajectories(story.events)), 0)
    assert {name: found[name] for name in found if name.startswith("reward/")} == {
        "reward/examiner/mean": 0.5,
        "reward/examiner/std": 0.0,
        "reward/solver/mean": pytest.approx(2 / 3),
        "reward/solver/std": pytest.approx((1 / 3) ** 0.5),
        "reward/solver/attempt/mean": 0.5,
        "reward/solver/attempt/std": pytest.approx(0.5**0.5),
        "reward/solver/revised/mean": 1.0,
        "reward/solver/revised/std": 0.0,
    }
