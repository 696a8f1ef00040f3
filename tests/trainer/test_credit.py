from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simctl.trainer.batch import build
from simctl.trainer.credit import Overlong, Percentile, Repetition, Whiten, overlong
from simctl.trainer.credit import percentile_weights as weighed
from simctl.trainer.objective import Objective
from simctl.trainer.objectives import Reinforce, Sft
from simctl.trainer.trajectory import groups, trajectories

Story = Any  # conftest makes it
REINFORCE = {"baseline": "none", "kinds": ["task"]}


def weights(story: Story, *objectives: Objective) -> dict[int, float]:
    samples = build(groups(trajectories(story.events)), objectives).samples
    return {sample.source: sample.weights[0] for sample in samples}


def test_the_percentile_keeps_hard_tasks_that_were_solved_and_stretches_their_worth() -> None:
    rates = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95]
    # sorted[int(0.7 * 10)] is 0.8, which is kept: 1 - s from 0.9 down to 0.2
    found = weighed(rates, [1.0] * 10, 0.7)
    assert found == pytest.approx([1, 6 / 7, 5 / 7, 4 / 7, 3 / 7, 2 / 7, 1 / 7, 0, 0, 0])


def test_the_percentile_multiplies_by_the_guides_score_before_it_stretches() -> None:
    # products 0.75 * 8 = 6, 0.5 * 4 = 2, 0.25 * 8 = 2 (n = 3: the bound is the greatest, 0.75)
    assert weighed([0.25, 0.5, 0.75], [8, 4, 8], 0.7) == [1.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ([0.0, 1.0, 1.0, 0.0], [0, 0, 0, 0]),  # nothing is between: nobody trains
        ([], []),
        ([None, None], [0, 0]),
        ([0.5], [1]),  # a batch of one
        ([0.25, 0.5], [1, 0]),  # int(0.7 * 2) is 1: the greatest, so that nothing is cut
        ([0.25, 0.25, 1.0, 0.25], [1, 1, 0, 1]),  # all equal
        ([0.0, 0.125, 1.0], [0, 1, 0]),  # solved by all and by none do not count
    ],
)
def test_the_percentile_of_few_or_equal_tasks(
    rates: list[float | None], expected: list[float]
) -> None:
    assert weighed(rates, [1.0] * len(rates), 0.7) == expected


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 8)), max_size=12))
def test_the_weights_of_a_percentile_lie_between_0_and_1(tasks: list[tuple[float, float]]) -> None:
    rates, scores = [each[0] for each in tasks], [each[1] for each in tasks]
    found = weighed(rates, scores, 0.7)
    assert all(0 <= weight <= 1 for weight in found)
    assert all(weight == 0 for weight, rate in zip(found, rates, strict=True) if rate in {0, 1})


def pose(story: Story, tokens: tuple[int, ...], reward: float, **parts: float) -> int:
    seq: int = story.task(prompt=(5,), tokens=tokens)
    story.grade(seq, seq, "examiner", reward, parts)
    return seq


def test_an_examiner_is_credited_by_the_percentile_of_its_round(story: Story) -> None:
    posed = [
        pose(story, (6 + at, 1), 0.0, solve_rate=rate, clean=clean)
        for at, (rate, clean) in enumerate([(0.25, 1.0), (0.5, 1.0), (0.75, 0.2), (0.0, 1.0)])
    ]
    credit = [{"kind": "percentile", "score": "clean"}]
    found = weights(story, Reinforce.model_validate(REINFORCE | {"credit": credit}))
    # (0.75, 0.5, 0.05) stretched: the last one's is 0 and does not train
    assert found == {posed[0]: 1.0, posed[1]: pytest.approx(0.45 / 0.7)}


def test_without_a_known_solve_rate_it_is_that_of_the_tasks_attempts(story: Story) -> None:
    for solved in (1, 2):
        task = pose(story, (6, solved, 1), 0.5)
        for at in range(4):
            story.attempt(task, task, (8, 1), float(at < solved))
    found = weights(story, Reinforce.model_validate(REINFORCE | {"credit": [Percentile()]}))
    assert list(found.values()) == [1.0]  # a quarter is better than a half, whose weight is 0


def test_repetition_takes_off_the_share_of_the_cluster(story: Story) -> None:
    same = [pose(story, (6, 7, 8, 9, 1), 0.5) for _ in range(3)]
    other = pose(story, (16, 17, 18, 19, 1), 0.5)
    found = weights(story, Reinforce.model_validate(REINFORCE | {"credit": [Repetition()]}))
    assert found == dict.fromkeys(same, pytest.approx(-0.25)) | {other: pytest.approx(0.25)}


@pytest.mark.parametrize(
    ("length", "penalty"), [(1, 0), (80, 0), (85, -0.25), (90, -0.5), (100, -1), (120, -1)]
)
def test_what_is_overlong_loses_linearly_over_the_last_fifth(length: int, penalty: float) -> None:
    assert overlong(length, 100, 0.2) == pytest.approx(penalty)


def test_the_length_overrides_what_was_earned(story: Story) -> None:
    short, long = pose(story, (6, 1), 1.0), pose(story, (6,) * 9 + (1,), 1.0)
    credit = [Overlong(longest=10)]
    found = weights(story, Reinforce.model_validate(REINFORCE | {"credit": credit}))
    assert found == {short: 1.0, long: -1.0}


def test_whitening_compares_tasks_of_one_difficulty(story: Story) -> None:
    posed = []
    for difficulty, reward in ((1, 1.0), (1, 0.0), (2, 10.0), (2, 0.0), (3, 7.0)):
        seq = pose(story, (6, difficulty, int(reward), 1), reward)
        story.check(seq, difficulty)
        posed.append(seq)
    found = weights(story, Reinforce.model_validate(REINFORCE | {"credit": [Whiten()]}))
    half = 0.5**0.5  # of two rewards, with n - 1
    expected = [half, -half, half, -half]
    assert found == {
        seq: pytest.approx(value, abs=1e-3)
        for seq, value in zip(posed[:4], expected, strict=True)  # what is alone has no advantage
    }


def test_credits_follow_each_other(story: Story) -> None:
    posed = [pose(story, (6, 7, 8, 9, 1), reward) for reward in (0.0, 1.0)]
    credit = [Repetition(scale=2.0), Whiten()]
    found = weights(story, Reinforce.model_validate(REINFORCE | {"credit": credit}))
    assert list(found) == posed
    assert sum(found.values()) == pytest.approx(0.0)


def test_a_credit_never_looks_across_roles(story: Story) -> None:
    task = story.task()
    for at in range(2):
        story.attempt(task, task, (8 + at, 1), float(at))
    objective = Sft.model_validate({"credit": [Whiten()], "threshold": 0.1, "weigh": "reward"})
    alone = weights(story, objective)
    pose(story, (6, 1), 900.0)
    assert weights(story, objective) == alone
    assert len(alone) == 1


def test_repetition_looks_at_the_whole_problem_not_at_what_was_added(story: Story) -> None:
    parents = [(3, 6, 7, 8, 9, 4)] * 2 + [(3, 26, 27, 28, 29, 4)]
    added = [(11, 1), (12, 1), (11, 1)]
    posed = [
        story.task(prompt=parent, tokens=tokens)
        for parent, tokens in zip(parents, added, strict=True)
    ]
    for each in posed:
        story.grade(each, each, "examiner", 1.0)
    found = weights(story, Reinforce.model_validate(REINFORCE | {"credit": [Repetition(cut=0.7)]}))
    assert found == {
        posed[0]: pytest.approx(1 / 3),
        posed[1]: pytest.approx(1 / 3),
        posed[2]: pytest.approx(2 / 3),
    }
