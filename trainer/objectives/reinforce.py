"""REINFORCE: a reward less a baseline that a recipe names (Williams 1992).

none: the reward itself. With rewards of 0 and 1 only right answers train, as in SGS's solver
("REINFORCE1/2" with `band` (0, 0.5), 2604.20209), its examiner (with the credit "percentile"), and
RAFT; with 1 and -1 it is SPC's critic (2504.19162).
batch: the mean over the role's answers of that kind in the round; scaled by their deviation it is
REINFORCE++ (2501.03262), as Absolute Zero has it per role and task type (2505.03335).
first_turn: the mean of the first attempts at the task. RLTF-SD (2602.02482) needs it: against their
own mean, revisions that are all right teach nothing.
task: the mean of all attempts at the task, those after a hint or a remark among them (Guide,
2506.13923, leaves open what a group is; this is one that holds both).
group: the mean of the group, as GRPO has it.

A baseline that each role carries from round to round (SPIRAL) would make samples depend on more
than the round's events, and is left out: `batch` is its mean over one round.
"""

from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import Literal

from pydantic import Field

from simctl.trainer.advantages import EPSILON, deviation
from simctl.trainer.links import Links, rewards_of
from simctl.trainer.objectives.policy_gradient import Reinforcing, returns_of
from simctl.trainer.trajectory import Group


class Reinforce(Reinforcing):
    """Reinforces answers by their lead over a baseline."""

    kind: Literal["reinforce"] = "reinforce"
    baseline: Literal["none", "batch", "group", "first_turn", "task"] = Field(
        default="batch",
        description="what is taken off a reward: nothing, the mean of the role's answers of that "
        "kind, of the group, of the first attempts at the task, or of all attempts at it",
    )
    scale_rewards: Literal["group", "batch", "none"] = Field(
        default="none",
        description="divide by the standard deviation of the group, of the role's answers of that "
        "kind in the round, or not",
    )

    @property
    def compares(self) -> bool:
        """Whether a group of equal rewards has nothing to teach."""
        return self.baseline == "group"

    def advantages(self, graded: Sequence[Group], links: Links) -> Iterator[list[float]]:
        """Give rewards less the baseline, scaled as wanted."""
        every = [reward for group in graded for reward in returns_of(group)]
        for group in graded:
            rewards = returns_of(group)
            scale = self._scale(rewards, every)
            yield [
                (reward - self._baseline(turns[0].about, rewards, every, links)) / scale
                for turns, reward in zip(group.rollouts, rewards, strict=True)
            ]

    def _baseline(
        self, task: int, rewards: Sequence[float], every: Sequence[float], links: Links
    ) -> float:
        match self.baseline:
            case "none":
                return 0.0
            case "batch":
                return fmean(every)
            case "group":
                return fmean(rewards)
            case "first_turn":
                return fmean(rewards_of(links.attempts(task)) or rewards)
            case "task":
                return fmean(rewards_of(links.tries(task)) or rewards)

    def _scale(self, rewards: Sequence[float], every: Sequence[float]) -> float:
        match self.scale_rewards:
            case "none":
                return 1.0
            case "group":
                return deviation(rewards) + EPSILON
            case "batch":
                return deviation(every) + EPSILON
