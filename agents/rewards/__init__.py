"""Role rewards: pure functions of what an episode measured, by the name that a recipe gives.

What an invalid task is worth is the episode's to say (0 unless it is told otherwise): the rewards
of a poser are those of a valid one.
"""

from collections.abc import Callable, Sequence
from typing import Literal

from simctl.agents.rewards import answering, judging, posing, revising, teaching
from simctl.agents.rewards.answering import Answered
from simctl.agents.rewards.judging import Judged
from simctl.agents.rewards.likeness import diversity
from simctl.agents.rewards.measured import Measured
from simctl.agents.rewards.posing import misgiving
from simctl.agents.rewards.revising import Revised

# what a solve rate is worth to who posed, and what a game is
RateReward = Literal[
    "agent0", "azr", "azr_paper", "dr_zero", "evo_env", "frontier", "gar", "gasp_lemma",
    "gasp_lift", "paso_doble", "r_zero", "r_zero_paper", "sec", "seif", "self_challenging", "sgs",
    "socratic_zero", "solvability", "spice", "ssp", "ssr",
]  # fmt: skip
GameReward = Literal["outcome", "spc"]
TaskReward = Literal[RateReward, GameReward]
TASK_REWARDS: dict[TaskReward, Callable[[Measured], float]] = {
    "agent0": posing.agent0,
    "azr": posing.azr,
    "azr_paper": posing.azr_paper,
    "dr_zero": posing.dr_zero,
    "evo_env": posing.evo_env,
    "frontier": posing.frontier,
    "gar": posing.gar,
    "gasp_lemma": posing.gasp_lemma,
    "gasp_lift": posing.gasp_lift,
    "outcome": posing.outcome,
    "paso_doble": posing.paso_doble,
    "r_zero": posing.r_zero,
    "r_zero_paper": posing.r_zero_paper,
    "sec": posing.sec,
    "seif": posing.seif,
    "self_challenging": posing.self_challenging,
    "sgs": posing.sgs,
    "socratic_zero": posing.socratic_zero,
    "solvability": posing.solvability,
    "spc": posing.spc,
    "spice": posing.spice,
    "ssp": posing.ssp,
    "ssr": posing.ssr,
}

AnswerReward = Literal["azr", "correct", "progress", "r_zero", "signed", "wcr"]
ANSWER_REWARDS: dict[AnswerReward, Callable[[Answered], float]] = {
    "azr": answering.azr,
    "correct": answering.correct,
    "progress": answering.progress,
    "r_zero": answering.r_zero,
    "signed": answering.signed,
    "wcr": answering.wcr,
}

RevisionReward = Literal["correct", "gain", "recovered", "s2r", "score"]
REVISION_REWARDS: dict[RevisionReward, Callable[[Revised], float]] = {
    "correct": revising.correct,
    "gain": revising.gain,
    "recovered": revising.recovered,
    "s2r": revising.s2r,
    "score": revising.score,
}

VerdictReward = Literal["correction", "exact", "retry", "s2r", "spc", "verdict"]
VERDICT_REWARDS: dict[VerdictReward, Callable[[Judged], float]] = {
    "correction": judging.correction,
    "exact": judging.exact,
    "retry": judging.retry,
    "s2r": judging.s2r,
    "spc": judging.spc,
    "verdict": judging.verdict,
}

SetReward = Literal["advantage", "best", "gain"]
SET_REWARDS: dict[SetReward, Callable[[Sequence[float]], list[float]]] = {
    "advantage": teaching.advantage,
    "best": teaching.best,
    "gain": teaching.gain,
}

__all__ = [
    "ANSWER_REWARDS",
    "REVISION_REWARDS",
    "SET_REWARDS",
    "TASK_REWARDS",
    "VERDICT_REWARDS",
    "AnswerReward",
    "Answered",
    "GameReward",
    "Judged",
    "Measured",
    "RateReward",
    "Revised",
    "RevisionReward",
    "SetReward",
    "TaskReward",
    "VerdictReward",
    "diversity",
    "misgiving",
]
