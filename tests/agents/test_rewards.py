from typing import get_args

import pytest

from simctl.agents.rewards import (
    ANSWER_REWARDS,
    REVISION_REWARDS,
    SET_REWARDS,
    TASK_REWARDS,
    VERDICT_REWARDS,
    Answered,
    AnswerReward,
    Judged,
    Measured,
    Revised,
    RevisionReward,
    SetReward,
    TaskReward,
    VerdictReward,
    diversity,
    misgiving,
)

# what each pays for a solve rate, to the digits that the table of the published loops gives
RATES = (0.0, 0.1, 0.25, 0.3, 0.5, 0.75, 0.9, 1.0)
GOLDEN: dict[TaskReward, tuple[float, ...]] = {
    "sgs": (0, 0.9, 0.75, 0.7, 0.5, 0.25, 0.1, 0),
    "r_zero": (0, 0.1, 0.25, 0.3, 0.5, 0.25, 0.1, 0),
    "r_zero_paper": (0, 0.2, 0.5, 0.6, 1, 0.5, 0.2, 0),
    "azr": (-0.5, 0.9, 0.75, 0.7, 0.5, 0.25, 0.1, -0.5),
    "azr_paper": (0, 0.9, 0.75, 0.7, 0.5, 0.25, 0.1, 0),
    "paso_doble": (0, 0, 1.05, 1.0, 0.8, 0.55, 0.4, 0.3),
    "ssp": (1, 0.9, 0.75, 0.7, 0.5, 0.25, 0.1, 0),
    "frontier": (0, 0.36, 0.75, 0.84, 1, 0.75, 0.36, 0),
    "seif": (1, 0.9, 0.75, 0.7, 0.5, 0.25, 0.1, 0),
    "socratic_zero": (0.044, 0.135, 0.458, 0.607, 1, 0.458, 0.135, 0.044),
    "spice": (0.044, 0.278, 0.823, 0.923, 1, 0.823, 0.278, 0.044),
    "sec": (0, 0.6, 0.866, 0.917, 1, 0.866, 0.6, 0),
    "ssr": (-0.8, 0.82, 0.55, 0.46, 0.1, -0.35, -0.62, -0.8),
    "gasp_lemma": (0, 0.006, 0.237, 0.418, 1, 0.237, 0.006, 0),
    "gasp_lift": (0, 1, 0.485, 0.312, 0.025, 0, 0, 0),
    "gar": (0, 0.9, 0.75, 0.7, 0.5, 0.25, 0.1, 0),
    "evo_env": (0, 0.333, 0.833, 1, 0.714, 0.357, 0.143, 0),
    "solvability": RATES,
    "self_challenging": (1,) * 8,
}


def measured(**found: object) -> Measured:
    return Measured.model_validate(found)


@pytest.mark.parametrize("name", GOLDEN)
def test_a_poser_is_paid_as_published(name: TaskReward):
    paid = [TASK_REWARDS[name](Measured(solve_rate=s)) for s in RATES]
    # the table is rounded to three digits
    assert paid == pytest.approx(GOLDEN[name], abs=5.01e-4)


def test_dr_zero_pays_most_for_what_one_of_five_solves():
    paid = [TASK_REWARDS["dr_zero"](Measured(solve_rate=c / 5, attempts=5)) for c in range(6)]
    assert paid == [0, 1, 0.75, 0.5, 0.25, 0]


@pytest.mark.parametrize(
    ("name", "found", "paid"),
    [
        ("dr_zero", {"solve_rate": 0.2, "attempts": 5, "form": 0.8}, 1.4),
        ("dr_zero", {"form": 1.0}, 0.5),
        ("r_zero", {"majority": 0.7, "solve_rate": 0.0}, 0.3),
        ("agent0", {"solve_rate": 0.5}, 0.5),
        ("agent0", {"majority": 0.5, "matched": False}, 0),
        ("agent0", {"majority": 0.1}, 0),
        ("agent0", {"majority": 0.5, "tool_calls": 7}, 0.7),
        ("paso_doble", {"solve_rate": 0.5, "diversity": 0.3}, 0),
        ("paso_doble", {"solve_rate": 0.2}, 0),
        ("paso_doble", {"solve_rate": 0.5, "diversity": 0.5}, 0.7),
        ("seif", {"solve_rate": 0.0, "followed": 0.75}, 0.25),
        ("gar", {"solve_rate": 0.5, "changed": 0.5}, 0.25),
        ("spc", {"fooled": 1.0}, 1),
        ("spc", {"fooled": 0.0}, -1),
        ("outcome", {"outcome": -1.0}, -1),
    ],
)
def test_what_else_was_measured_counts(name: TaskReward, found: dict[str, object], paid: float):
    assert TASK_REWARDS[name](measured(**found)) == pytest.approx(paid)


def test_diversity_is_the_share_of_recent_problems_that_are_unlike():
    # sets of tokens; a lone letter is any letter, so that a new label makes no new problem
    recent = ["7k+5l*3", "7m+5n*3", "9a-2", "8a*1"]
    assert diversity("7x+5y*3", recent) == 0.5
    assert diversity("7x+5y*3", []) == 1.0


def test_a_vote_that_nobody_agrees_on_still_pays_one_of_m():
    scattered, unanimous = (Measured(majority=p, attempts=10) for p in (0.1, 1.0))
    assert [TASK_REWARDS["r_zero"](each) for each in (scattered, unanimous)] == [0.1, 0.0]


@pytest.mark.parametrize(
    ("name", "right", "wrong", "garbled"),
    [
        ("correct", 1, 0, 0),
        ("signed", 1, -1, -1),
        ("r_zero", 1, 0.1, 0),
        ("azr", 1, -0.5, -1),
        ("wcr", 1, 0, 0),
    ],
)
def test_a_solver_is_paid_as_published(
    name: AnswerReward, right: float, wrong: float, garbled: float
):
    answers = (
        Answered(correct=True),
        Answered(correct=False),
        Answered(correct=False, formed=False),
    )
    assert [ANSWER_REWARDS[name](each) for each in answers] == [right, wrong, garbled]


def test_a_wrong_answer_is_paid_for_its_share_of_the_path():
    assert ANSWER_REWARDS["wcr"](Answered(correct=False, coverage=0.5)) == 0.25
    assert ANSWER_REWARDS["progress"](Answered(correct=False, coverage=0.5)) == 0.5
    assert ANSWER_REWARDS["wcr"](Answered(correct=True, coverage=0.0)) == 1.0


# first and second: wrong to wrong, wrong to right, right to wrong, right to right
TURNS = ((0, 0), (0, 1), (1, 0), (1, 1))


@pytest.mark.parametrize(
    ("name", "paid"),
    [
        ("correct", (0, 1, 0, 1)),
        ("gain", (0, 1, -1, 0)),
        ("score", (0, 11, -10, 1)),
        ("recovered", (0, 1, 0, 0)),
        ("s2r", (-1, 2, -2, 1)),
    ],
)
def test_a_revision_is_paid_as_published(name: RevisionReward, paid: tuple[float, ...]):
    turns = [Revised(first=first, second=second) for first, second in TURNS]
    assert tuple(REVISION_REWARDS[name](each) for each in turns) == paid


@pytest.mark.parametrize(
    ("name", "paid"),
    [("spc", (1, -1, -1, 1)), ("s2r", (2, -1, -2, 1))],
)
def test_a_critic_is_paid_as_published(name: VerdictReward, paid: tuple[float, ...]):
    # what was said, and the truth
    said = ((True, True), (True, False), (False, True), (False, False))
    judged = [Judged(verdict=verdict, truth=truth) for verdict, truth in said]
    assert tuple(VERDICT_REWARDS[name](each) for each in judged) == paid


@pytest.mark.parametrize(
    ("name", "found", "paid"),
    [
        ("exact", {"verdict": False, "truth": False, "exact": 1.0, "told": 1.0}, 1),
        ("exact", {"verdict": False, "truth": False, "told": 1.0}, 0),
        ("verdict", {"verdict": False, "truth": False, "told": 1.0}, 1),
        ("retry", {"verdict": False, "truth": False, "mended": 0.5}, 0.5),
        ("retry", {"verdict": True, "truth": True, "mended": 1.0}, 0),
        ("correction", {"verdict": True, "truth": True}, 1),
        ("correction", {"verdict": False, "truth": True, "mended": 1.0}, 0),
        ("correction", {"verdict": False, "truth": False, "mended": 0.5}, 0.5),
        ("correction", {"verdict": True, "truth": False, "mended": 1.0}, 0),
    ],
)
def test_a_remark_is_paid_for_being_right_or_for_what_came_of_it(
    name: VerdictReward, found: dict[str, object], paid: float
):
    assert VERDICT_REWARDS[name](Judged.model_validate(found)) == paid


def test_only_a_negative_reward_for_invalid_tasks_is_warned_of():
    assert "-0.1" in misgiving(-0.1)
    assert misgiving(0.0) == ""


@pytest.mark.parametrize(
    ("names", "rewards"),
    [
        (TaskReward, TASK_REWARDS),
        (AnswerReward, ANSWER_REWARDS),
        (RevisionReward, REVISION_REWARDS),
        (SetReward, SET_REWARDS),
        (VerdictReward, VERDICT_REWARDS),
    ],
)
def test_every_name_has_its_reward(names: object, rewards: dict[str, object]):
    assert set(get_args(names)) == set(rewards)
