"""Objectives: one file a method, readable beside its paper."""

from typing import Annotated

from pydantic import Field

from simctl.trainer.objectives.adpo import Adpo
from simctl.trainer.objectives.divergence import Distil
from simctl.trainer.objectives.grpo import Grpo
from simctl.trainer.objectives.nft import Nft
from simctl.trainer.objectives.preference import Prefer
from simctl.trainer.objectives.reinforce import Reinforce
from simctl.trainer.objectives.rloo import Rloo
from simctl.trainer.objectives.sft import Sft
from simctl.trainer.objectives.value import Appraise

AnyObjective = Annotated[
    Grpo | Rloo | Reinforce | Adpo | Sft | Distil | Prefer | Nft | Appraise,
    Field(discriminator="kind"),
]

__all__ = [
    "Adpo",
    "AnyObjective",
    "Appraise",
    "Distil",
    "Grpo",
    "Nft",
    "Prefer",
    "Reinforce",
    "Rloo",
    "Sft",
]
