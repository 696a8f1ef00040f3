"""A batch says how many answer tokens a teacher scores again: a budget counts them."""

from typing import Any

import pytest

from simctl.trainer.batch import build
from simctl.trainer.objective import Objective
from simctl.trainer.objectives import Distil, Sft
from simctl.trainer.trajectory import groups, trajectories

Story = Any  # conftest makes it


@pytest.mark.parametrize(
    ("objectives", "tokens"),
    [([Sft()], 0), ([Distil()], 3), ([Sft(), Distil()], 3), ([Distil(), Distil()], 6)],
)
def test_every_answer_that_a_teacher_scores_counts_as_often_as_it_is_scored(
    story: Story, objectives: list[Objective], tokens: int
) -> None:
    task = story.task()
    made = story.attempt(task, task, (8, 9, 1), 1.0)
    story.attempt(task, task, (7, 1), 1.0)  # nobody teaches it
    story.lesson(task, made, prompt=(2, 2, 2, 2))
    built = build(groups(trajectories(story.events)), objectives).announce(1)
    assert built.teacher_tokens == tokens
