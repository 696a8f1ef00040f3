"""Inference modes: one file a way of answering with the policy as it is."""

from typing import Annotated

from pydantic import Field

from simctl.agents.inference.adapt import Adapt
from simctl.agents.inference.beam import Beam
from simctl.agents.inference.best_of_n import BestOfN
from simctl.agents.inference.refine import Refine
from simctl.agents.inference.single import Single
from simctl.agents.inference.tree import Tree
from simctl.agents.inference.vote import Vote

AnyMode = Annotated[
    Single | Vote | BestOfN | Beam | Tree | Refine | Adapt, Field(discriminator="kind")
]

__all__ = ["Adapt", "AnyMode", "Beam", "BestOfN", "Refine", "Single", "Tree", "Vote"]
