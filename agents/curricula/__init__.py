"""Curricula: one file a kind."""

from typing import Annotated

from pydantic import Field

from simctl.agents.curricula.bandit import Bandit
from simctl.agents.curricula.extend import Extend
from simctl.agents.curricula.failures import Failures
from simctl.agents.curricula.frontier import Frontier
from simctl.agents.curricula.ladder import Ladder
from simctl.agents.curricula.restart import Restart
from simctl.agents.curricula.schedule import Schedule
from simctl.agents.curricula.targets import Targets
from simctl.agents.curricula.uniform import Uniform

AnyCurriculum = Annotated[
    Extend | Frontier | Uniform | Bandit | Schedule | Ladder | Failures | Restart | Targets,
    Field(discriminator="kind"),
]

__all__ = [
    "AnyCurriculum",
    "Bandit",
    "Extend",
    "Failures",
    "Frontier",
    "Ladder",
    "Restart",
    "Schedule",
    "Targets",
    "Uniform",
]
