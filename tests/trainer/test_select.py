import math
from typing import Any

import pytest

from simctl.trainer.batch import build
from simctl.trainer.objective import Objective
from simctl.trainer.objectives import Grpo, Sft
from simctl.trainer.select import even_weights, gaussian, spread_weights
from simctl.trainer.trajectory import groups, trajectories

Story = Any  # conftest makes it


def taught(story: Story, *objectives: Objective) -> tuple[dict[int, float], dict[str, list[int]]]:
    """Return the first weight of every sample by its source, and what was dropped by reason."""
    batch = build(groups(trajectories(story.events)), objectives)
    dropped = {each.reason: list(each.sources) for each in batch.dropped}
    return {sample.source: sample.weights[0] for sample in batch.samples}, dropped


def attempts(story: Story, *rewards: float) -> list[int]:
    task = story.task()
    return [story.attempt(task, task, (8 + at, 1), reward) for at, reward in enumerate(rewards)]


@pytest.mark.parametrize(
    ("rate", "weight"),
    [(0, 0.044), (0.1, 0.135), (0.25, 0.458), (0.3, 0.607), (0.5, 1), (0.75, 0.458), (1, 0.044)],
)
def test_the_bell_of_socratic_zero(rate: float, weight: float) -> None:
    assert gaussian(rate) == pytest.approx(weight, abs=5e-4)


@pytest.mark.parametrize(
    ("exponent", "weights"),
    [(1.0, [0, 1, 2]), (2.0, [0, 0.6, 2.4]), (0.0, [0, 1.5, 1.5])],
)
def test_east_weighs_by_a_power_of_the_entropy_with_mean_1(
    exponent: float, weights: list[float]
) -> None:
    assert spread_weights([0.0, 0.5, 1.0], exponent) == pytest.approx(weights)


def test_where_nobody_disagrees_everything_weighs_1() -> None:
    assert spread_weights([0.0, 0.0]) == [1.0, 1.0]


def test_every_task_counts_alike_whatever_the_number_of_its_answers() -> None:
    assert even_weights([7, 7, 7, 9]) == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2])


def test_the_weights_of_east_reach_the_samples_and_do_not_cancel(story: Story) -> None:
    task = story.task()
    [sure, _] = [
        story.attempt(task, task, (8 + at, 1), 1.0, parts={"share": 1.0}) for at in range(2)
    ]
    task = story.task()
    unsure = [
        story.attempt(task, task, (8 + at, 1), float(at == 0), parts={"share": 0.5})
        for at in range(2)
    ]
    found, dropped = taught(story, Sft(weigh="entropy", weight=0.5))
    # entropies 0, 0 and log 2 of the three accepted, whose mean is log 2 / 3
    assert found == {unsure[0]: pytest.approx(0.5 * 3)}
    assert sure in dropped["sft: no weight"]


def test_without_votes_answers_agree_if_their_tokens_do(story: Story) -> None:
    task = story.task()
    for tokens in ((8, 1), (8, 1), (9, 1)):
        story.attempt(task, task, tokens, 1.0)
    easy = attempts(story, 1.0)
    found, _ = taught(story, Sft(weigh="entropy"))
    h = -(2 / 3 * math.log(2 / 3) + 1 / 3 * math.log(1 / 3))
    assert list(found.values()) == pytest.approx([h / (2 * h / 3)] * 2)
    assert easy[0] not in found


def test_the_band_keeps_tasks_by_their_solve_rate_with_its_ends(story: Story) -> None:
    half, quarter = attempts(story, 1.0, 0.0), attempts(story, 1.0, 0.0, 0.0, 0.0)
    most = attempts(story, 1.0, 1.0, 0.0)
    found, dropped = taught(story, Sft(band=(0.0, 0.5)))
    assert list(found) == [half[0], quarter[0]]
    assert dropped["sft: outside the band"] == most


def test_a_task_is_imitated_by_its_best_or_shortest_answers(story: Story) -> None:
    task = story.task()
    given = [
        story.attempt(task, task, (8 + at,) * length + (1,), reward)
        for at, (length, reward) in enumerate([(1, 1.0), (5, 3.0), (3, 2.0)])
    ]
    found = {
        pick: list(taught(story, Sft(max_per_task=1, pick=pick))[0])
        for pick in ("earliest", "best", "shortest")
    }
    assert found == {"earliest": given[:1], "best": given[1:2], "shortest": given[:1]}


def test_kinds_choose_among_a_roles_answers(story: Story) -> None:
    task = story.task()
    made = story.attempt(task, task, (8, 1), 1.0)
    hinted = story.attempt(task, story.ask(task), (9, 1), 1.0, hint="h")
    revised = story.revise(task, made, (10, 1), 1.0)
    went_on = story.proceed(task, (8,), (11, 1), 1.0, cause=story.ask(task))
    found = {
        kind: list(taught(story, Sft(kinds=(kind,)))[0])
        for kind in ("attempt", "hinted", "revised", "continued")
    }
    assert found == {
        "attempt": [made],
        "hinted": [hinted],
        "revised": [revised],
        "continued": [went_on],
    }


def test_a_critic_is_predicted_whatever_its_words_are_worth(story: Story) -> None:
    task = story.task()
    made = story.attempt(task, task, (8, 1), 0.0)
    written = [story.criticise(task, made, (20, 1)), story.criticise(task, made, (21, 1), 0.0)]
    found, dropped = taught(story, Sft(roles=("critic",), accept="all", weight=0.1))
    assert found == dict.fromkeys(written, 0.1)
    assert dropped == {}


def test_objectives_take_turns_by_the_round(story: Story) -> None:
    played = {}
    for _ in range(5):
        task = story.task(prompt=(5,), tokens=(6, 1))
        story.attempt(task, task, (8, 1), 1.0)
        story.attempt(task, task, (9, 1), 0.0)
        story.end()
    for round_ in range(1, 6):
        told = [each for each in trajectories(story.events) if each.round == round_]
        examiner = Sft(roles=("examiner",), accept="all", rounds_on=1, rounds_off=2)
        solver = Grpo(roles=("solver",), rounds_on=2, rounds_off=1, offset=1)
        batch = build(groups(told), [examiner, solver])
        played[round_] = {sample.role for sample in batch.samples}
        assert {each.reason.split(": ")[1] for each in batch.dropped} == {"not its turn"}
    assert played == {1: {"examiner"}, 2: {"solver"}, 3: {"solver"}, 4: {"examiner"}, 5: {"solver"}}
