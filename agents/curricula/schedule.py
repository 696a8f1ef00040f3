"""Schedule: each block of episodes goes from easy to hard, by what is easy for the solver now."""

from random import Random
from typing import Literal

from pydantic import Field

from simctl.agents.curricula.levels import Graded, Mark, Rates
from simctl.agents.curriculum import Course, Start
from simctl.agents.played import Round
from simctl.agents.tasks.environment import Environment


class Schedule(Graded):
    """Each block of episodes runs from easy to hard, sorted anew by the present solve rates.

    ADCL (2505.08364) scores the problems of the block once more before it sorts them. Problems are
    drawn on demand here, so that a difficulty is what is sorted, by its running solve rate, and
    nothing is sampled only to sort. The published text has no block size.
    """

    kind: Literal["schedule"] = "schedule"
    block: int = Field(default=256, ge=1, description="episodes that are sorted together")
    mark: Mark = Field(
        default="correct",
        description="what counts as solved: the verifier's word, or the reward, such as a vote",
    )

    def course(self, env: Environment, seed: int) -> Course:  # noqa: ARG002 - only levels are drawn
        """Return a state before the first block."""
        return _Blocks(self)


class _Blocks(Course):
    """The order of the present block, and the one that the next would have."""

    def __init__(self, settings: Schedule) -> None:
        self._settings = settings
        self._rates = Rates(settings.mark)
        self._played = 0
        self._order = self._upcoming = list(settings.levels)

    def observe(self, played: Round) -> None:
        before = self._block(self._played)
        self._played += played.episodes
        self._rates.observe(played)
        # easier means solved more often; what was never tried keeps its place after the last tried
        rate, known = 1.0, dict[int, float]()
        for level in self._settings.levels:
            rate = known[level] = self._rates.get(level, rate)
        self._upcoming = sorted(known, key=lambda level: -known[level])
        if self._block(self._played) != before:
            self._order = self._upcoming

    def next(self, index: int, rng: Random) -> Start:  # noqa: ARG002 - the plan has no dice
        return Start(difficulty=self._level(self._played + index))

    def weights(self) -> dict[str, float]:
        """Return each difficulty's share of what is left of the block."""
        first = self._played
        places = range(first, (self._block(first) + 1) * self._settings.block)
        drawn = [self._level(place) for place in places]
        return {str(level): drawn.count(level) / len(drawn) for level in self._settings.levels}

    def _level(self, place: int) -> int:
        same = self._block(place) == self._block(self._played)
        order = self._order if same else self._upcoming
        return order[place % self._settings.block * len(order) // self._settings.block]

    def _block(self, place: int) -> int:
        return place // self._settings.block
