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
from simctl.bus.order import as_asked
from simctl.store.said import said
from simctl.trainer.batch import build, digest
from simctl.trainer.settings import Training
from simctl.trainer.trajectory import LEARNT, Group, Lesson, groups, trajectories

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


def test_what_an_answer_is_to_an_objective_tells_its_kind_and_what_its_prompt_showed(
    story: Story,
) -> None:
    task = story.task(prompt=(5,), tokens=(6, 1))
    made = story.attempt(task, task, (8, 1), 0.0, text="ab")
    story.attempt(task, story.ask(task), (9, 1), 1.0, hint="h")
    story.proceed(task, (8,), (9, 1), 1.0, cause=story.ask(task), text="ac")
    story.criticise(task, made, (20, 1), verdict=True)
    story.criticise(task, made, (21, 1), privileged=True)
    story.revise(task, made, (10, 1), 1.0, turn=3)
    story.act(task, 4, 2, (12, 1), None)
    story.estimate(task, "ab")
    told = sorted(trajectories(story.events), key=lambda each: each.source)
    assert [(each.role, each.sort) for each in told] == [
        ("examiner", "task"),
        ("solver", "attempt"),
        ("solver", "hinted"),
        ("solver", "continued"),
        ("critic", "critique"),
        ("teacher", "critique"),
        ("solver", "revised"),
        ("solver", "action"),
        ("critic", "value"),
    ]
    assert [each.about for each in told] == [task] * 9
    assert [(each.stem, each.text) for each in told if each.stem or each.text] == [
        ("", "ab"),
        ("p", "ac"),
        ("ab", ""),
    ]
    assert [(each.of, each.turn, each.place, each.verdict) for each in told[4:8]] == [
        (made, 1, 0, True),
        (made, 1, 0, False),
        (made, 3, 0, None),
        (None, 2, 4, None),
    ]


def test_a_trajectory_knows_how_difficult_its_task_is(story: Story) -> None:
    task = story.task(prompt=(5,), tokens=(6, 1))
    story.check(task, 3)
    story.attempt(task, task, (8, 1), 0.0)
    assert [each.difficulty for each in trajectories(story.events)] == [3, 3]


def test_the_turns_of_a_rollout_share_the_last_grade(story: Story) -> None:
    task = story.task()
    story.act(task, 0, 1, (8, 1), 0.25)
    story.act(task, 1, 1, (8, 1), 0.5)
    story.act(task, 0, 2, (9, 1), 1.0)
    story.act(task, 0, 3, (9, 1), None)
    told = trajectories(story.events)
    assert [each.reward for each in told] == [1.0, 0.5, 1.0, 1.0]
    [group] = groups(told)
    assert [[each.turn for each in rollout] for rollout in group.rollouts] == [[1, 2, 3], [1]]


def test_revisions_are_compared_within_task_and_turn_where_each_was_asked_for_alone(
    story: Story,
) -> None:
    task = story.task()
    made = [story.attempt(task, task, (8 + at, 1), 0.0) for at in range(2)]
    alone = [story.revise(task, of, (9, of, 1), 1.0) for of in made]
    later = story.revise(task, alone[0], (10, 1), 1.0, turn=3)
    ask = story.ask(task)
    together = [story.revise(task, made[0], (9, at, 1), 1.0, cause=ask) for at in range(2)]
    found = [[each.source for each in group.trajectories] for group in told_of(story, "revised")]
    assert found == [alone, [later], together]


def test_critiques_are_compared_with_others_of_the_same_attempt_if_there_are_any(
    story: Story,
) -> None:
    task = story.task()
    made = [story.attempt(task, task, (8 + at, 1), 0.0) for at in range(3)]
    twice = [story.criticise(task, made[0], (20 + at, 1)) for at in range(2)]
    once = [story.criticise(task, of, (22, 1)) for of in made[1:]]
    found = [[each.source for each in group.trajectories] for group in told_of(story, "critique")]
    assert found == [twice, once]


def told_of(story: Story, sort: str) -> list[Group]:
    return [group for group in groups(trajectories(story.events)) if group.sort == sort]


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
    found = [told.source for told in once]
    assert found == [each.seq for each in sorted(events, key=as_asked) if each.seq in found]
    assert before == [rehash(event) for event in events]


@given(seed=st.integers(0, 2**32))
def test_what_is_said_between_two_utterances_changes_no_trajectory(
    story_of: Callable[[int], Story], seed: int
) -> None:
    events: list[Event] = story_of(seed).events
    heard = {"answer_graded", "task_checked"}
    needed = [e for e in events if e.utterance is not None or e.kind in heard]
    assert trajectories(events) == trajectories(needed)


def test_a_lesson_without_a_place_in_the_round_is_no_trajectory(story: Story) -> None:
    story.say("teacher", LessonGiven(task=1, of=1, view="blank", solution=""), prompt=(2,))
    assert trajectories(story.events) == []


@settings(max_examples=12)
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
