"""Ladder: one difficulty up whenever the hardest so far is mastered."""

from typing import Literal

from pydantic import Field

from simctl.agents.curricula.levels import Graded, Levels, Mark, share, tries_by_level
from simctl.agents.curriculum import Course
from simctl.agents.played import Round
from simctl.agents.tasks.environment import Environment

_PERFECT = 0.99  # share of right answers at which several difficulties are climbed at once


class Ladder(Graded):
    """The frontier goes from difficulty d to d + 1 when enough of it is right; easier ones recur.

    Self-Improving Transformers (2502.01612): the model's own filtered answers at d + 1 join what it
    trains on, and several difficulties are climbed at once where the frontier is all but perfect.
    """

    kind: Literal["ladder"] = "ladder"
    bound: float = Field(default=0.9, ge=0, le=1, description="share that must be right to climb")
    mark: Mark = Field(
        default="correct",
        description="what counts as right: the verifier's word, or the reward, such as a vote",
    )
    least: int = Field(default=16, ge=1, description="attempts of a round that can show mastery")
    replay_share: float = Field(
        default=0.5, ge=0, le=1, description="share of episodes at difficulties below the frontier"
    )
    stride: int = Field(
        default=1, ge=1, description="difficulties climbed at once where 99 % are right"
    )

    def course(self, env: Environment, seed: int) -> Course:  # noqa: ARG002 - only levels are drawn
        """Return a state at the lowest rung."""
        return _Rungs(self)


class _Rungs(Levels):
    """Where the frontier is."""

    def __init__(self, settings: Ladder) -> None:
        super().__init__({})
        self._settings = settings
        self._frontier = settings.min_difficulty
        self._weigh()

    def observe(self, played: Round) -> None:
        settings, tries = self._settings, tries_by_level(played).get(self._frontier, [])
        if len(tries) < settings.least:
            return
        right = share(tries, settings.mark)
        if right >= settings.bound:
            climbed = settings.stride if right >= _PERFECT else 1
            self._frontier = min(self._frontier + climbed, settings.max_difficulty)
            self._weigh()

    def _weigh(self) -> None:
        below = range(self._settings.min_difficulty, self._frontier)
        replayed = self._settings.replay_share if below else 0.0
        self._weights = {level: replayed / len(below) for level in below}
        self._weights[self._frontier] = 1.0 - replayed
