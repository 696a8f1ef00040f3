"""Exposure: the share of its view that a teacher sees, fixed or by a plan."""

from random import Random
from statistics import fmean
from typing import Literal

from pydantic import Field

from simctl.agents.played import Round
from simctl.agents.steering.controller import Constant, Controller
from simctl.bus.values import Value


class Fixed(Value):
    """The teacher always sees the same share of its view."""

    kind: Literal["fixed"] = "fixed"
    value: float = Field(default=1.0, ge=0, le=1, description="share of the view that is seen")

    def begin(self, seed: int) -> Controller:  # noqa: ARG002 - nothing is drawn
        """Return a controller that never moves."""
        return Constant(self.value)


class Linear(Value):
    """The share goes in equal steps from the first to the last, and stays there."""

    kind: Literal["linear"] = "linear"
    first: float = Field(default=1.0, ge=0, le=1, description="share in the first round")
    last: float = Field(default=0.0, ge=0, le=1, description="share from round `rounds` on")
    rounds: int = Field(default=50, ge=1, description="rounds until the last share is reached")

    def begin(self, seed: int) -> Controller:  # noqa: ARG002 - nothing is drawn
        """Return a controller before the first round."""
        return _Planned(self)


class Choice(Value):
    """Each episode draws its share from a list: the random control of a learnt one (ATESD)."""

    kind: Literal["choice"] = "choice"
    values: tuple[float, ...] = Field(
        default=(0.25, 0.5, 0.75, 1.0), min_length=1, description="shares that are drawn alike"
    )

    def begin(self, seed: int) -> Controller:  # noqa: ARG002 - an episode's dice draw
        """Return a controller that never moves."""
        return _Drawn(self)


class _Planned(Constant):
    def __init__(self, settings: Linear) -> None:
        super().__init__(settings.first)
        self._settings = settings

    def observe(self, played: Round) -> None:
        settings = self._settings
        done = min(played.number / max(settings.rounds - 1, 1), 1.0)
        self._value = settings.first + (settings.last - settings.first) * done


class _Drawn(Constant):
    def __init__(self, settings: Choice) -> None:
        super().__init__(fmean(settings.values))
        self._values = settings.values

    def next(self, rng: Random) -> float:
        return rng.choice(self._values)
