"""Uniform: every difficulty is equally likely, whatever the solver can do."""

from typing import Literal

from simctl.agents.curricula.levels import Graded, Levels
from simctl.agents.curriculum import Course
from simctl.agents.tasks.environment import Environment


class Uniform(Graded):
    """A fixed curriculum: every difficulty is equally likely, whatever the solver can do."""

    kind: Literal["uniform"] = "uniform"

    def course(self, env: Environment, seed: int) -> Course:  # noqa: ARG002 - only levels are drawn
        """Return a state that never moves."""
        return Levels(dict.fromkeys(self.levels, 1.0))
