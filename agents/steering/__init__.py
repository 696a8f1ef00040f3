"""Steering: what is set anew between rounds beside what is drawn."""

from typing import Annotated

from pydantic import Field

from simctl.agents.steering import exposure, temperature
from simctl.agents.steering.controller import Controller
from simctl.agents.steering.learnt import Learnt

AnyExposure = Annotated[
    exposure.Fixed | exposure.Linear | exposure.Choice | Learnt, Field(discriminator="kind")
]
AnyTemperature = Annotated[temperature.Fixed | temperature.Balance, Field(discriminator="kind")]

__all__ = ["AnyExposure", "AnyTemperature", "Controller"]
