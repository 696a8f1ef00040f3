"""Rehearse: nobody samples; the school's demonstrations are shown again. The control arm."""

from typing import Literal

from pydantic import Field

from simctl.agents.episode import Episode
from simctl.bus.messages import ROLES, Role


class Rehearse(Episode):
    """Shows `num_generations` demonstrations of the school."""

    kind: Literal["rehearse"] = "rehearse"
    roles: tuple[Role, ...] = Field(default=ROLES, description="whose demonstrations are shown")
    max_difficulty: int = Field(default=10, ge=1, description="longest problems shown")
