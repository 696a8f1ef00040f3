"""Objectives: one file a method, readable beside its paper."""

from typing import Annotated

from pydantic import Field

from simctl.trainer.objectives.divergence import Distil
from simctl.trainer.objectives.grpo import Grpo
from simctl.trainer.objectives.rloo import Rloo
from simctl.trainer.objectives.sft import Sft

AnyObjective = Annotated[Grpo | Rloo | Sft | Distil, Field(discriminator="kind")]

__all__ = ["AnyObjective", "Distil", "Grpo", "Rloo", "Sft"]
