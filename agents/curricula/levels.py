"""Levels: curricula over a range of difficulties."""

from abc import ABC
from collections.abc import Mapping
from random import Random
from typing import Literal, Self

from pydantic import Field, model_validator

from simctl.agents.curriculum import Course, Curriculum, Start
from simctl.agents.played import Round, Try

Mark = Literal["correct", "reward"]  # the verifier's word, or what was paid for it
_MEMORY = 0.7  # share of an earlier round's solve rate that the running one keeps


class Graded(Curriculum, ABC):
    """A curriculum that draws difficulties from a range."""

    min_difficulty: int = Field(default=2, ge=1, description="easiest problems drawn")
    max_difficulty: int = Field(default=16, ge=1, description="hardest problems drawn")

    @property
    def levels(self) -> range:
        """The difficulties, easiest first."""
        return range(self.min_difficulty, self.max_difficulty + 1)

    @model_validator(mode="after")
    def _has_a_range(self) -> Self:
        if self.min_difficulty > self.max_difficulty:
            raise ValueError(
                f"min_difficulty is {self.min_difficulty}; it must not be over max_difficulty, "
                f"which is {self.max_difficulty}"
            )
        return self


class Levels(Course):
    """Draws difficulties by weight."""

    def __init__(self, weights: Mapping[int, float]) -> None:
        """Draw by these weights, each at least 0 and one above."""
        self._weights = dict(weights)

    def observe(self, played: Round) -> None:
        """Stay as it is."""

    def next(self, index: int, rng: Random) -> Start:  # noqa: ARG002 - all episodes draw alike
        """Draw a difficulty."""
        return Start(difficulty=self._draw(rng))

    def weights(self) -> dict[str, float]:
        """Return the probability of each difficulty."""
        total = sum(self._weights.values())
        return {str(level): weight / total for level, weight in self._weights.items()}

    def _draw(self, rng: Random) -> int:
        [level] = rng.choices(list(self._weights), list(self._weights.values()))
        return level


class Rates:
    """The running solve rate of each difficulty, of the solver alone."""

    def __init__(self, mark: Mark = "correct") -> None:
        """Begin without any; `mark` is what counts as solved."""
        self._mark: Mark = mark
        self._rates: dict[int, float] = {}

    def observe(self, played: Round) -> None:
        """Take in a round."""
        for level, tries in tries_by_level(played).items():
            rate = share(tries, self._mark)
            before = self._rates.get(level, rate)
            self._rates[level] = _MEMORY * before + (1 - _MEMORY) * rate

    def get(self, level: int, default: float) -> float:
        """Return the rate of a difficulty, or `default` where it was never tried."""
        return self._rates.get(level, default)


def tries_by_level(played: Round) -> dict[int, list[Try]]:
    """Return the round's unaided tries at tasks of each difficulty."""
    seen: dict[int, list[Try]] = {}
    for task in played.tasks:
        if task.alone:
            seen.setdefault(task.difficulty, []).extend(task.alone)
    return seen


def share(tries: list[Try], mark: Mark) -> float:
    """Return the mean mark of tries, of which there is at least one."""
    marks = [each.correct if mark == "correct" else each.reward for each in tries]
    return sum(marks) / len(marks)
