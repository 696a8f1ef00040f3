"""A mode: how a problem is answered. Its fields are its settings."""

from abc import ABC, abstractmethod

from pydantic import Field

from simctl.agents.inference.desk import Desk
from simctl.bus.asks import Sampling
from simctl.bus.values import Value


class Mode(Value, ABC):
    """One way of answering: deterministic given the desk's seed, over the sampler alone."""

    @abstractmethod
    async def solve(self, desk: Desk) -> str:
        """Return the attempt that is handed in."""


class Sampled(Mode, ABC):
    """A mode with settings of its own for how attempts are sampled."""

    temperature: float = Field(default=1.0, ge=0, description="of attempts; 0 is greedy")
    max_completion_length: int = Field(
        default=128, ge=1, description="longest answer of a role, in tokens"
    )

    @property
    def sampling(self) -> Sampling:
        """How attempts are sampled."""
        return Sampling(
            temperature=self.temperature, max_completion_length=self.max_completion_length
        )

    @property
    def greedy(self) -> Sampling:
        """How checks are sampled."""
        return Sampling(temperature=0, max_completion_length=self.max_completion_length)
