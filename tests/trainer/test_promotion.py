"""Promotion: SOAR's rule, as numbers; and what the log has of the copy that is promoted."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simctl.bus.answers import ExamTaken
from simctl.bus.asks import SitExam
from simctl.bus.messages import CopyPromoted
from simctl.store.policies import PolicyStore
from simctl.trainer.promotion import Studied, decide, studied
from simctl.trainer.settings import PromotionSettings, Training
from simctl.trainer.trainer import Trainer

Story = Any  # conftest makes it
SOAR = PromotionSettings(threshold=0.01, window=3)
GAINS = st.lists(st.floats(-1, 1), max_size=8)


def exam(gain: float, of: int = 1) -> Studied:
    return Studied(of=of, gain=gain, sources=(1,), steps=10, learning_rate=1e-3, key=7)


def course(settings: PromotionSettings, rounds: list[float]) -> list[int]:
    """Return the rounds, from 1, in which a copy is promoted, where each has one exam."""
    gains: tuple[float, ...] = ()
    promoted: list[int] = []
    for number, gain in enumerate(rounds, 1):
        gains, promotion = decide(settings, gains, [exam(gain)])
        promoted += [number] if promotion else []
    return promoted


@pytest.mark.parametrize(
    ("rounds", "promoted"),
    [
        ([0.03, 0.0, 0.03], [3]),
        ([0.01, 0.01, 0.01], []),  # over the bound, not at it
        ([0.5, 0.5], []),  # a mean of three needs three
        ([0.0, 0.0, 0.0, 0.04], [4]),  # the oldest is forgotten
        ([0.05] * 7, [3, 6]),  # it begins anew
        ([0.09, 0.0, -0.03], [3]),
    ],
)
def test_a_copy_is_promoted_when_the_mean_gain_of_three_rounds_is_over_the_bound(
    rounds: list[float], promoted: list[int]
) -> None:
    assert course(SOAR, rounds) == promoted


def test_the_gain_of_a_round_is_the_mean_of_its_exams_and_the_best_is_promoted() -> None:
    exams = [exam(-0.1, of=1), exam(0.3, of=2), exam(0.3, of=3), exam(0.1, of=4)]
    _, promotion = decide(PromotionSettings(threshold=0.1, window=1), (), exams)
    assert promotion is not None
    assert (promotion.exam.of, promotion.average) == (2, pytest.approx(0.15))


def test_a_round_without_exams_changes_nothing() -> None:
    assert decide(SOAR, (0.5, 0.5), []) == ((0.5, 0.5), None)


@given(GAINS, st.integers(1, 4), st.floats(-1, 1))
def test_between_two_promotions_are_as_many_rounds_as_the_window_has(
    rounds: list[float], window: int, threshold: float
) -> None:
    settings = PromotionSettings(threshold=threshold, window=window)
    found = [0, *course(settings, rounds)]
    assert all(late - early >= window for early, late in pairwise(found))


# --- from the log --------------------------------------------------------------------------------


def sit(story: Story, sources: tuple[int, ...], gain: float, *, key: int | None = 7) -> int:
    ask = SitExam(task=1, examples=(), exam=(), steps=2, learning_rate=1e-2, of=sources)
    seq = story.say("episode", ask)
    taken = ExamTaken(task=1, examples=2, problems=8, before=0.25, after=0.25 + gain, key=key)
    story.say("solver", taken, cause=seq)
    return int(seq)


def attempts(story: Story) -> tuple[int, ...]:
    task = story.task()
    return tuple(story.attempt(task, story.ask(task), (8 + at, 9, 1), 0.0) for at in range(3))


@pytest.fixture
def promoting() -> Training:
    rule = {"threshold": 0.1, "window": 2}
    return Training.model_validate(
        {
            "trainer": {"separate": ["examiner"]},
            "promotion": rule,
            "objective": [{"kind": "rloo", "roles": ["examiner"]}],
        }
    )


def train(story: Story, training: Training, policies: PolicyStore) -> list[Any]:
    trainer = Trainer(training, policies, lambda drafts: asyncio.run(story.log.append(drafts)))
    return list(trainer.hear(story.events))


def test_an_exam_from_before_there_were_promotions_cannot_be_promoted(story: Story) -> None:
    sit(story, (), 0.5, key=None)
    assert studied(story.events) == []


def test_the_solver_goes_on_from_the_copy_and_the_log_says_so(
    story: Story, promoting: Training, policies: PolicyStore
) -> None:
    known = attempts(story)
    sit(story, known, 0.125)
    story.end()
    known = attempts(story)
    best = [sit(story, known, gain) for gain in (0.125, 0.25)][1]
    story.end()
    _, second = train(story, promoting, policies)
    [said] = [e.message for e in story.events if isinstance(e.message, CopyPromoted)]
    assert (said.version, said.of, said.gain, said.steps) == (2, best, 0.25, 2)
    assert said.sources == known
    assert said.average == second.metrics["promotion/average"] == pytest.approx(0.15625)
    weights = [policies.path(version) / "model.safetensors" for version in (0, 1, 2)]
    before, between, after = (each.read_bytes() for each in weights)
    assert before == between != after
    copies = [policies.path(v) / "copies/examiner/model.safetensors" for v in (1, 2)]
    assert copies[0].read_bytes() == copies[1].read_bytes() == before  # the teacher is kept


def test_the_moving_average_survives_the_trainer(
    story: Story, promoting: Training, policies: PolicyStore
) -> None:
    for _ in range(2):
        known = attempts(story)
        sit(story, known, 0.25)
        story.end()
        train(story, promoting, policies)
    promoted = [e.message.version for e in story.events if isinstance(e.message, CopyPromoted)]
    assert promoted == [2]
    assert policies.state(2).gains == ()
