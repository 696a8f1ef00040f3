"""Scorers: what an attempt is worth. The verifier's truth stands beside it in the grade."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from simctl.agents.scene import Scene, Score, Tried
from simctl.bus.values import Value


class Scorer(Value, ABC):
    """Pays attempts at one task that are compared with each other."""

    @abstractmethod
    async def score(self, scene: Scene, tried: Sequence[Tried]) -> list[Score]:
        """Return how right each attempt is and what it earns, in order."""
