"""Schooled chains: the family of chains with the classroom's demonstrations, and its settings."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import ClassVar, Literal

from pydantic import Field

from simctl.agents.tasks.chain import MAX_OPERATIONS, ChainTasks
from simctl.agents.tasks.classroom import lesson
from simctl.agents.tasks.environment import Demonstration
from simctl.agents.tasks.settings import TaskSettings
from simctl.agents.tasks.terms import Term
from simctl.bus.asks import Role


class SchooledChains(ChainTasks):
    """Chains, shown as in the last term of the school."""

    def demonstration(self, rng: Random, roles: Sequence[Role], difficulty: int) -> Demonstration:
        """Draw a lesson of the classroom; its problem may have labels in any order."""
        return lesson(rng, Term(longest=difficulty), roles)


class ChainSettings(TaskSettings):
    """Chains of one-digit operations modulo 10."""

    ladder: ClassVar[tuple[tuple[int, int], ...]] = ((10, 300), (12, 100), (14, 100), (16, 100))

    kind: Literal["chain"] = "chain"
    max_operations: int = Field(
        default=16, ge=1, le=MAX_OPERATIONS, description="longest problem that passes the gates"
    )

    @property
    def max_difficulty(self) -> int:
        """The operations of the longest problem."""
        return self.max_operations

    def family(self, held_out: Mapping[int, int]) -> SchooledChains:
        """Return the family of chains."""
        return SchooledChains(dict(held_out), self.max_operations)
