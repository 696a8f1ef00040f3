from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from simctl.bus.answers import (
    AttemptRevised,
    LessonGiven,
    TaskPosed,
)
from simctl.bus.event import Event, rehash
from simctl.store.said import said
from simctl.trainer.batch import build, digest
from simctl.trainer.settings import Training
from simctl.trainer.trajectory import LEARNT, Lesson, groups, trajectories

Story = Any  # conftest makes it


def test_an_utterance_becomes_a_trajectory_with_its_grade_and_lesson(story: Story) -> None:
    task = story.task()
    made = story.attempt(task, task, (8, 1), 1.0)
    lesson = story.lesson(task, made, prompt=(2, 11))
    [told] = trajectories(story.events)
    assert (told.source, told.role, told.kind) == (made, "solver", "attempt_made")
    assert (told.tokens, told.reward, told.parts) == ((8, 1), 1.0, {"correct": 1.0})
    assert told.lessons == (Lesson(lesson, "reference", (2, 11), spoken=False, reward=None),)


def test_a_lesson_that_was_spoken_is_the_teachers_trajectory_and_carries_its_grade(
    story: Story,
) -> None:
    task = story.task()
    made = story.attempt(task, task, (8, 1), 0.0)
    lesson = story.lesson(task, made, prompt=(2, 11), tokens=(9, 1), view="critique")
    story.grade(task, lesson, "teacher", 1.0)
    attempt, spoken = trajectories(story.events)
    assert (spoken.role, spoken.reward) == ("teacher", 1.0)
    assert attempt.lessons == (Lesson(lesson, "critique", (2, 11), spoken=True, reward=1.0),)


def test_a_demonstration_belongs_to_its_role_and_to_no_version(story: Story) -> None:
    story.show("critic", (13,), (15, 1))
    [told] = trajectories(story.events)
    assert (told.role, told.policy_version, told.demonstrated) == ("critic", None, True)


def test_what_the_environment_posed_is_no_trajectory(story: Story) -> None:
    story.task()
    assert trajectories(story.events) == []


def test_answers_to_one_ask_are_a_group_and_those_of_a_single_answer_role_are_one(
    story: Story,
) -> None:
    story.play()
    found = {(group.role, group.kind): 0 for group in groups(trajectories(story.events))}
    for group in groups(trajectories(story.events)):
        found[group.role, group.kind] += 1
    assert found == {
        ("examiner", "task_posed"): 1,
        ("solver", "attempt_made"): 2,
        ("critic", "demonstration_given"): 1,
    }


def test_attempts_after_a_hint_are_a_group_of_their_own(story: Story) -> None:
    task = story.task()
    story.attempt(task, task, (8, 1), 0.0)
    revised = AttemptRevised(task=task, index=0, prefix="a", attempt="ab")
    story.say("solver", revised, prompt=(2, 3), tokens=(9, 1), cause=task)
    assert len(groups(trajectories(story.events))) == 2


def test_temperature_and_truncation_are_kept(story: Story) -> None:
    posed = TaskPosed(problem="p", temperature=0.7, truncated=True)
    story.say("examiner", posed, prompt=(5,), tokens=(6,))
    [told] = trajectories(story.events)
    assert (told.temperature, told.truncated) == (0.7, True)


@given(seed=st.integers(0, 2**32), drop=st.sets(st.integers(0, 40)))
def test_folding_is_a_pure_function_of_the_events_and_their_order(
    story_of: Callable[[int], Story], seed: int, drop: set[int]
) -> None:
    story = story_of(seed)
    events = [event for at, event in enumerate(story.events) if at not in drop]
    before = [rehash(event) for event in events]
    once, again = trajectories(events), trajectories(iter(events))
    assert once == again
    assert [told.source for told in once] == sorted(told.source for told in once)
    assert before == [rehash(event) for event in events]


@given(seed=st.integers(0, 2**32))
def test_what_is_said_between_two_utterances_changes_no_trajectory(
    story_of: Callable[[int], Story], seed: int
) -> None:
    events: list[Event] = story_of(seed).events
    needed = [e for e in events if e.utterance is not None or e.kind == "answer_graded"]
    assert trajectories(events) == trajectories(needed)


def test_a_lesson_without_a_place_in_the_round_is_no_trajectory(story: Story) -> None:
    story.say("teacher", LessonGiven(task=1, of=1, view="blank", solution=""), prompt=(2,))
    assert trajectories(story.events) == []


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_the_narrow_reading_of_a_log_gives_the_same_trajectories_and_the_same_batch(
    story_of: Callable[[int], Story], training: Training, seed: int
) -> None:
    log = story_of(seed).log
    plain, narrow = trajectories(log.read()), trajectories(said(log, LEARNT))
    assert narrow == plain
    batches = [build(groups(told), training.objective).samples for told in (plain, narrow)]
    assert digest(batches[0]) == digest(batches[1])


def test_what_a_later_simctl_said_does_not_train(story: Story) -> None:
    story.task(prompt=(5,), tokens=(6,))
    [event] = story.events
    assert trajectories([event]) != []
    assert trajectories([replace(event, schema=99)]) == []


def test_trajectories_come_by_episode_however_the_round_interleaved_them(story: Story) -> None:
    for _ in range(4):
        story.task(prompt=(5,), tokens=(6,))
    places = ("e1.001", "e1.000", "e1.001", "e1.000")
    events = [replace(event, episode=at) for event, at in zip(story.events, places, strict=True)]
    assert [told.source for told in trajectories(events)] == [2, 4, 1, 3]
