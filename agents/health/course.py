"""The course of a run's numbers, as far as later rounds are compared with it."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import fmean

EVALUATIONS = 3  # that are kept: now, and two ago


@dataclass
class Course:
    """How the numbers began, and the last evaluations with the solve rates before them.

    `target` is the held-out score that is watched; `evaluations` holds it with the mean solve rate
    of the rounds since the one before, None where there was none.
    """

    target: str
    rounds: int  # of which the beginning is made
    first: dict[str, float] = field(default_factory=dict)
    evaluations: deque[tuple[float, float | None]] = field(
        default_factory=lambda: deque(maxlen=EVALUATIONS)
    )
    _last: dict[str, deque[float]] = field(default_factory=dict)
    _began: dict[str, list[float]] = field(default_factory=dict)
    _rates: list[float] = field(default_factory=list)

    def beginning(self, name: str) -> float | None:
        """Return the mean of a number's first rounds; None until there were enough."""
        known = self._began.get(name, ())
        return fmean(known) if len(known) == self.rounds else None

    def growth(self, name: str) -> float | None:
        """Return the mean of a number's last rounds over that of its first; None if not known."""
        first, last = self.beginning(name), self._last.get(name)
        return fmean(last) / first if first and last else None

    def is_mastered(self, score: float) -> bool:
        """Whether the target's last score reaches `score`."""
        return bool(self.evaluations) and self.evaluations[-1][0] >= score

    def add(self, metrics: Mapping[str, float]) -> None:
        """Take in the numbers of a round."""
        for name, value in metrics.items():
            self.first.setdefault(name, value)
            known = self._began.setdefault(name, [])
            if len(known) < self.rounds:
                known.append(value)
            self._last.setdefault(name, deque(maxlen=self.rounds)).append(value)
        if "solve_rate/mean" in metrics:
            self._rates.append(metrics["solve_rate/mean"])
        if self.target in metrics:
            rate = fmean(self._rates) if self._rates else None
            self.evaluations.append((metrics[self.target], rate))
            self._rates.clear()
