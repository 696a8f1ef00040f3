from typing import Any

import pytest

from simctl.trainer.links import Links
from simctl.trainer.trajectory import Trajectory, groups, trajectories

Story = Any  # conftest makes it


def linked(story: Story) -> tuple[Links, dict[int, Trajectory]]:
    told = trajectories(story.events)
    return Links(groups(told)), {each.source: each for each in told}


def test_a_correction_belongs_to_the_critique_that_it_was_made_with(story: Story) -> None:
    task = story.task()
    made = story.attempt(task, task, (8, 1), 0.0)
    first, second = (story.criticise(task, made, (20 + at, 1)) for at in range(2))
    asks = (story.ask(task), story.ask(task))
    mended = [story.revise(task, made, (9 + at, 1), 1.0, cause=asks[at]) for at in range(2)]
    links, told = linked(story)
    assert [links.corrections(told[each])[0].source for each in (first, second)] == mended
    assert [links.critique_of(told[each]) for each in mended] == [told[first], told[second]]


def test_a_correction_is_credited_to_nobody_where_it_could_be_several(story: Story) -> None:
    task = story.task()
    made = story.attempt(task, task, (8, 1), 0.0)
    written = [story.criticise(task, made, (20 + at, 1)) for at in range(3)]
    for at in range(2):
        story.revise(task, made, (9, at, 1), 1.0, cause=story.ask(task))
    links, told = linked(story)
    assert [links.corrections(told[each]) for each in written] == [[], [], []]


def test_revisions_are_those_of_the_teacher_who_saw_the_reference(story: Story) -> None:
    task = story.task()
    made = story.attempt(task, task, (8, 1), 0.0)
    plain = story.criticise(task, made, (20, 1))
    seeing = story.criticise(task, made, (21, 1), privileged=True)
    mended = story.revise(task, made, (9, 1), 1.0, cause=story.ask(task))
    links, told = linked(story)
    assert links.corrections(told[plain]) == []
    assert links.corrections(told[seeing]) == [told[mended]]


def test_a_chain_goes_back_over_every_turn(story: Story) -> None:
    task = story.task()
    made = story.attempt(task, task, (8, 1), 0.0)
    said = story.criticise(task, made, (20, 1))
    second = story.revise(task, made, (9, 1), 0.0, cause=story.ask(task))
    third = story.revise(task, second, (10, 1), 1.0, cause=story.ask(task), turn=3)
    links, told = linked(story)
    assert [each.source for each in links.chain(told[third])] == [made, said, second, third]
    assert [links.ends(told[each]) for each in (made, said, second, third)] == [
        False,
        False,
        False,
        True,
    ]


def test_the_solve_rate_is_that_of_unaided_attempts(story: Story) -> None:
    task = story.task()
    for reward in (1.0, 0.0, 0.0, None):
        story.attempt(task, task, (8, 1), reward)
    story.attempt(task, story.ask(task), (8, 1), 1.0, hint="h")
    links, _ = linked(story)
    assert links.solve_rate(task, 1.0) == pytest.approx(1 / 3)
    assert links.solve_rate(task + 1, 1.0) is None


def test_a_partial_solution_ends_as_those_that_begin_with_it(story: Story) -> None:
    task = story.task()
    for text, reward in (("ab", 1.0), ("ac", 0.0), ("b", 0.0)):
        story.attempt(task, task, (8, 1), reward, text=text)
    story.proceed(task, (9,), (8, 1), 1.0, cause=story.ask(task), text="ad")
    values = [story.estimate(task, partial) for partial in ("a", "b", "c")]
    links, told = linked(story)
    found = [links.outcome(told[each], 1.0) for each in values]
    assert found == [pytest.approx(2 / 3), 0.0, None]
