"""Claims about arms: what an experiment says of them, as pairs of a better and a worse one."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field

from simctl.bus.values import Value


class Claim(Value, ABC):
    """What is claimed of the arms. Its fields are its settings in an experiment."""

    least: float = Field(default=0.0, description="a difference that is not over it does not count")

    @abstractmethod
    def pairs(self, arms: Sequence[str]) -> list[tuple[str, str]]:
        """Return which arm is claimed to be better than which, of all there are."""

    @property
    def every(self) -> bool:
        """Whether every pair must be as claimed, or one is enough."""
        return True

    @property
    def margin(self) -> float:
        """What a difference must be over."""
        return self.least

    def names(self) -> Iterable[str]:
        """Give the arms that the claim itself names."""
        for value in self.model_dump(exclude={"kind", "least"}).values():
            if isinstance(value, str):
                yield value
            elif isinstance(value, tuple):
                yield from value


class Better(Claim):
    """One arm is better than another."""

    kind: Literal["better"] = "better"
    better: str = Field(description="the arm that is claimed to be better")
    worse: str = Field(description="than this one")

    def pairs(self, arms: Sequence[str]) -> list[tuple[str, str]]:
        """Return the one pair."""
        del arms
        return [(self.better, self.worse)]


class NoWorse(Claim):
    """One arm is not worse than another by more than `by`."""

    kind: Literal["no_worse"] = "no_worse"
    arm: str = Field(description="the arm that is claimed to keep up")
    than: str = Field(description="with this one")
    by: float = Field(ge=0, description="how much worse it may be")

    def pairs(self, arms: Sequence[str]) -> list[tuple[str, str]]:
        """Return the one pair."""
        del arms
        return [(self.arm, self.than)]

    @property
    def margin(self) -> float:
        """What a difference must be over: a loss that is allowed."""
        return -self.by


class Ordered(Claim):
    """Each arm is better than the next."""

    kind: Literal["ordered"] = "ordered"
    order: tuple[str, ...] = Field(min_length=2, description="the arms, the best first")

    def pairs(self, arms: Sequence[str]) -> list[tuple[str, str]]:
        """Return each arm with the next."""
        del arms
        return list(pairwise(self.order))


class Best(Claim):
    """One arm is better than every other."""

    kind: Literal["best"] = "best"
    best: str = Field(description="the arm that is claimed to be best")

    def pairs(self, arms: Sequence[str]) -> list[tuple[str, str]]:
        """Return it with every other."""
        return [(self.best, other) for other in arms if other != self.best]


class Beaten(Claim):
    """At least one of the other arms is better than one."""

    kind: Literal["beaten"] = "beaten"
    beaten: str = Field(description="the arm that is claimed not to be best")

    def pairs(self, arms: Sequence[str]) -> list[tuple[str, str]]:
        """Return every other with it."""
        return [(other, self.beaten) for other in arms if other != self.beaten]

    @property
    def every(self) -> bool:
        """One that is better is enough."""
        return False


AnyClaim = Annotated[Better | NoWorse | Ordered | Best | Beaten, Field(discriminator="kind")]
