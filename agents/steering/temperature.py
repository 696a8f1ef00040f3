"""Temperature: how the solver is sampled, fixed or tuned to keep exploration and quality level."""

from random import Random
from typing import Literal

from pydantic import Field

from simctl.agents.played import Round, Task, Try
from simctl.agents.steering.controller import Constant, Controller
from simctl.bus.values import Value


class Fixed(Value):
    """The solver is always sampled at the same temperature."""

    kind: Literal["fixed"] = "fixed"
    value: float = Field(default=1.0, ge=0, description="sampling temperature; 0 is greedy")

    def begin(self) -> Controller:
        """Return a controller that never moves."""
        return Constant(self.value)


class Balance(Value):
    """The temperature with the best balance score, of those that some episodes try.

    B-STaR (2412.17256) sweeps a grid on a set of its own in each iteration; here a share of the
    episodes is the sweep, so that nothing is sampled that could not be learnt from. Its second
    knob, the threshold on a reward model's score, has no place where the verifier selects.
    """

    kind: Literal["balance"] = "balance"
    grid: tuple[float, ...] = Field(
        default=(0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2),
        min_length=1,
        description="temperatures that are tried; the first of equally good ones is taken",
    )
    trial_share: float = Field(
        default=0.5, gt=0, le=1, description="share of episodes that try any temperature"
    )
    wanted: int = Field(default=8, ge=1, description="different right answers wanted per problem")
    memory: float = Field(
        default=0.5, ge=0, lt=1, description="share of an earlier round's score that is kept"
    )

    def begin(self) -> Controller:
        """Return a controller that has tried nothing."""
        return _Balanced(self)


def balance(right: int, kept: int, wanted: int = 8) -> float:
    """Return min(n'/n*, 1) n'/n: n' right of n different answers kept, n* wanted (B-STaR)."""
    return min(right / wanted, 1.0) * right / kept if kept else 0.0


class _Balanced(Constant):
    def __init__(self, settings: Balance) -> None:
        super().__init__(settings.grid[len(settings.grid) // 2])
        self._settings = settings
        self._scores: dict[float, float] = {}

    def observe(self, played: Round) -> None:
        seen: dict[float, list[float]] = {}
        for task in played.tasks:
            for temperature, score in _scores(task, self._settings.wanted).items():
                seen.setdefault(temperature, []).append(score)
        for temperature in self._settings.grid:
            scores = seen.get(temperature)
            if scores:
                now = sum(scores) / len(scores)
                before, kept = self._scores.get(temperature, now), self._settings.memory
                self._scores[temperature] = kept * before + (1 - kept) * now
        tried = [each for each in self._settings.grid if each in self._scores]
        if tried:
            self._value = max(tried, key=self._scores.__getitem__)

    def next(self, rng: Random) -> float:
        if rng.random() < self._settings.trial_share:
            return rng.choice(self._settings.grid)
        return self._value

    def report(self) -> dict[str, float]:
        scores = sorted(self._scores.items())
        return {"": self._value} | {f"{each:g}": score for each, score in scores}


def _scores(task: Task, wanted: int) -> dict[float, float]:
    """Return the balance of a task's unaided tries at each temperature; equal texts count once."""
    groups: dict[float, dict[str, Try]] = {}
    for each in task.alone:
        groups.setdefault(each.temperature, {}).setdefault(each.text, each)
    return {
        temperature: balance(sum(e.correct == 1.0 for e in kept.values()), len(kept), wanted)
        for temperature, kept in groups.items()
    }
