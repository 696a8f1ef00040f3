"""Scorers: one file a way to pay attempts."""

from typing import Annotated

from pydantic import Field

from simctl.agents.turns.scorers.judge import Judge
from simctl.agents.turns.scorers.likelihood import Likelihood
from simctl.agents.turns.scorers.verify import Verify
from simctl.agents.turns.scorers.vote import Vote

AnyScorer = Annotated[Verify | Vote | Judge | Likelihood, Field(discriminator="kind")]

__all__ = ["AnyScorer", "Judge", "Likelihood", "Verify", "Vote"]
