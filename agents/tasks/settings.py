"""Task settings: what a recipe says of a family of problems, and how the family is made of it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from simctl.agents.tasks.environment import Environment
from simctl.agents.tasks.function import FunctionTasks
from simctl.bus.values import Value


class TaskSettings(Value, ABC):
    """The settings of a family. `ladder` is what is held out unless a recipe says otherwise.

    It holds pairs of a difficulty and a number of problems; a run is judged by the first of them.
    """

    ladder: ClassVar[tuple[tuple[int, int], ...]]

    reward_funcs: tuple[str, ...] = Field(
        default=(),
        description="functions that grade in the family's place, FILE.py:NAME or MODULE:NAME",
    )
    reward_weights: tuple[float, ...] = Field(
        default=(), description="what each function counts; without any, all count the same"
    )

    @property
    @abstractmethod
    def max_difficulty(self) -> int:
        """The difficulty of the hardest problems that the family draws."""

    @abstractmethod
    def family(self, held_out: Mapping[int, int]) -> Environment:
        """Return the family with its own verifier."""

    def environment(self, held_out: Mapping[int, int]) -> Environment:
        """Return the family; its first `held_out[d]` targets of each difficulty d never pass.

        Raises:
            TaskError: something that it needs is missing, or a difficulty has no such targets.
        """
        made = self.family(held_out)
        if not self.reward_funcs:
            return made
        return FunctionTasks(made, self.reward_funcs, self.reward_weights)
