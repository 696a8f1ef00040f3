"""Controllers: the state of a number that is steered between rounds."""

from random import Random
from typing import Protocol

from simctl.agents.played import Round


class Controller(Protocol):
    """Sets one number for each episode; only `observe` moves it."""

    def observe(self, played: Round) -> None:
        """Take in a finished round."""
        ...

    def next(self, rng: Random) -> float:
        """Return the number for an episode of the coming round."""
        ...

    def report(self) -> dict[str, float]:
        """Return the number under "", and what else is worth knowing under its name."""
        ...


class Constant:
    """A number that stays as it is."""

    def __init__(self, value: float) -> None:
        """Hold `value`."""
        self._value = value

    def observe(self, played: Round) -> None:
        """Learn nothing."""

    def next(self, rng: Random) -> float:  # noqa: ARG002 - nothing is drawn
        """Return the number."""
        return self._value

    def report(self) -> dict[str, float]:
        """Return the number."""
        return {"": self._value}
