"""Bandit: difficulties are arms, paid with the advantages that their groups had."""

from math import exp
from statistics import fmean, pstdev
from typing import Literal

from pydantic import Field

from simctl.agents.curricula.levels import Graded, Levels
from simctl.agents.curriculum import Course
from simctl.agents.played import Round
from simctl.agents.tasks.environment import Environment

_SAME = 1e-9  # rewards whose deviation is below this are the same


class Bandit(Graded):
    """Difficulties are drawn by softmax(Q / tau), Q a running mean of the groups' |advantage|.

    SEC (2505.14970): Q <- alpha r + (1 - alpha) Q for the arms of the round (TD(0)), Q = 0 at
    first. The published text has no values for alpha and tau.
    """

    kind: Literal["bandit"] = "bandit"
    alpha: float = Field(default=0.5, gt=0, le=1, description="how fast an arm's value follows")
    tau: float = Field(
        default=1.0, gt=0, description="temperature of the choice; lower is greedier"
    )
    scale_rewards: Literal["group", "none"] = Field(
        default="group",
        description="advantages over the group's deviation; none tells arms apart more sharply",
    )

    def course(self, env: Environment, seed: int) -> Course:  # noqa: ARG002 - only levels are drawn
        """Return a state in which all arms are alike."""
        return _Arms(self)


class _Arms(Levels):
    """The value of each arm."""

    def __init__(self, settings: Bandit) -> None:
        super().__init__({})
        self._settings = settings
        self._values = dict.fromkeys(settings.levels, 0.0)
        self._weigh()

    def observe(self, played: Round) -> None:
        earned: dict[int, list[float]] = {}
        for task in played.tasks:
            if task.difficulty in self._values:
                for group in task.groups:
                    rewards = [each.reward for each in group]
                    sizes = advantages(rewards, scaled=self._settings.scale_rewards == "group")
                    earned.setdefault(task.difficulty, []).extend(sizes)
        alpha = self._settings.alpha
        for level, sizes in earned.items():
            self._values[level] = alpha * fmean(sizes) + (1 - alpha) * self._values[level]
        self._weigh()

    def _weigh(self) -> None:
        best = max(self._values.values())  # the largest exponent is 0: none overflows
        for level, value in self._values.items():
            self._weights[level] = exp((value - best) / self._settings.tau)


def advantages(rewards: list[float], *, scaled: bool) -> list[float]:
    """Return |r - mean| of each reward of a group, over the group's deviation if `scaled`.

    Of 0/1 rewards with mean p the mean is 2 sqrt(p (1 - p)) if scaled, else 2 p (1 - p).
    """
    mean, spread = fmean(rewards), pstdev(rewards)
    if spread < _SAME:
        return [0.0] * len(rewards)
    return [abs(reward - mean) / (spread if scaled else 1.0) for reward in rewards]
