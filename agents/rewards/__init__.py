"""Role rewards: pure functions of what an episode measured, by the name that a recipe gives.

What an invalid task is worth is the episode's to say (0 unless it is told otherwise): the rewards
of a poser are those of a valid one.
"""

from collections.abc import Callable
from typing import Literal

from simctl.agents.rewards import answering, judging, posing, revising
from simctl.agents.rewards.answering import Answered
from simctl.agents.rewards.judging import BEST_GUIDE_SCORE, Judged, guide_score
from simctl.agents.rewards.likeness import diversity
from simctl.agents.rewards.measured import Measured
from simctl.agents.rewards.posing import misgiving
from simctl.agents.rewards.revising import Revised

TaskReward = Literal[
    "agent0", "azr", "azr_paper", "dr_zero", "evo_env", "frontier", "gain", "gar", "gasp_lemma",
    "gasp_lift", "outcome", "paso_doble", "r_zero", "r_zero_paper", "sec", "seif",
    "self_challenging", "sgs", "socratic_zero", "solvability", "spc", "spice", "ssp", "ssr",
]  # fmt: skip
TASK_REWARDS: dict[TaskReward, Callable[[Measured], float]] = {
    "agent0": posing.agent0,
    "azr": posing.azr,
    "azr_paper": posing.azr_paper,
    "dr_zero": posing.dr_zero,
    "evo_env": posing.evo_env,
    "frontier": posing.frontier,
    "gain": posing.gain,
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

AnswerReward = Literal["azr", "correct", "r_zero", "signed", "wcr"]
ANSWER_REWARDS: dict[AnswerReward, Callable[[Answered], float]] = {
    "azr": answering.azr,
    "correct": answering.correct,
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

VerdictReward = Literal["right", "s2r", "spc"]
VERDICT_REWARDS: dict[VerdictReward, Callable[[Judged], float]] = {
    "right": judging.right,
    "s2r": judging.s2r,
    "spc": judging.spc,
}

__all__ = [
    "ANSWER_REWARDS",
    "BEST_GUIDE_SCORE",
    "REVISION_REWARDS",
    "TASK_REWARDS",
    "VERDICT_REWARDS",
    "AnswerReward",
    "Answered",
    "Judged",
    "Measured",
    "Revised",
    "RevisionReward",
    "TaskReward",
    "VerdictReward",
    "diversity",
    "guide_score",
    "misgiving",
]
