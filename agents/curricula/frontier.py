"""Frontier: difficulties are drawn where about half of the attempts succeed."""

from typing import Literal

from pydantic import Field

from simctl.agents.curricula.levels import Graded, Levels, Mark, Rates
from simctl.agents.curriculum import Course
from simctl.agents.played import Round
from simctl.agents.tasks.environment import Environment


class Frontier(Graded):
    """Difficulties are drawn where the solver's solve rate s is near one half: weight 4s(1-s).

    Difficulties not yet tried count as solved somewhat less than the nearest easier one.
    """

    kind: Literal["frontier"] = "frontier"
    floor: float = Field(
        default=0.02, gt=0, description="least weight of a difficulty within reach"
    )
    mark: Mark = Field(
        default="correct",
        description="what counts as solved: the verifier's word, or the reward, such as a vote",
    )

    def course(self, env: Environment, seed: int) -> Course:  # noqa: ARG002 - only levels are drawn
        """Return a state that has seen nothing."""
        return _Frontier(self)


class _Frontier(Levels):
    """Moves the weights with the solve rate of each difficulty."""

    def __init__(self, settings: Frontier) -> None:
        super().__init__({})
        self._settings = settings
        self._rates = Rates(settings.mark)
        self._weigh()

    def observe(self, played: Round) -> None:
        self._rates.observe(played)
        self._weigh()

    def _weigh(self) -> None:
        rate = 0.6
        for level in self._settings.levels:
            rate = self._rates.get(level, 0.8 * rate)
            self._weights[level] = 4 * rate * (1 - rate) + self._settings.floor
