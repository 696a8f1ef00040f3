"""Curves: a score over the tokens that were spent, and what a curve comes to at a budget. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np


@dataclass(frozen=True)
class Curve:
    """Scores of one run by the tokens spent before each, in order; at least one.

    Between two points it is a straight line; before the first and after the last it is level.
    """

    tokens: tuple[float, ...]
    scores: tuple[float, ...]

    @classmethod
    def of(cls, points: Iterable[tuple[float, float]]) -> Self:
        """Return the curve through (tokens, score) in any order.

        Raises:
            ValueError: there is no point.
        """
        ordered = sorted(points, key=lambda point: point[0])
        if not ordered:
            raise ValueError("a curve needs a point")
        return cls(tuple(x for x, _ in ordered), tuple(y for _, y in ordered))

    def at(self, tokens: float) -> float:
        """Return the score at a number of tokens."""
        return float(np.interp(tokens, self.tokens, self.scores))

    def on(self, grid: Sequence[float]) -> list[float]:
        """Return the scores at several numbers of tokens."""
        return [float(score) for score in np.interp(grid, self.tokens, self.scores)]

    def area(self, budget: float) -> float:
        """Return the area under the curve from 0 to the budget, as a share of the budget.

        It is the mean score on the way: a score of 1 all the time gives 1.
        """
        inside = [each for each in self.tokens if 0 < each < budget]
        grid = [0.0, *inside, budget]
        return float(np.trapezoid(self.on(grid), grid)) / budget

    def reaches(self, budget: float) -> bool:
        """Tell whether the run went on as far as the budget."""
        return self.tokens[-1] >= budget
