"""Value: the critic learns how likely a partial solution is to end well.

The regression of a process reward model on a tree's labels (ReST-MCTS*, Zhang et al. 2024,
2406.03816): (V - label)^2, V being the probability of one word. The label is the part `outcome` of
the estimate's grade, or else the share of the round's solutions that begin as the partial one does
and are right.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import Field

from simctl.bus.asks import Role
from simctl.trainer.context import Rendering, Segment
from simctl.trainer.links import Links
from simctl.trainer.objective import Objective, drop, sample
from simctl.trainer.sample import Dropped, Sample, Valuation
from simctl.trainer.trajectory import Group, Sort, Trajectory

OUTCOME = "outcome"  # part of a grade: the share of solutions from here that were right
EXACT = 1e-5  # log-probabilities are kept in single precision


class Appraise(Objective):
    """Draws estimates of a value to what came of it."""

    kind: Literal["value"] = "value"
    roles: tuple[Role, ...] = Field(
        default=("critic",), min_length=1, description="whose answers train; others are left alone"
    )
    kinds: tuple[Sort, ...] = Field(
        default=("value",), description="which of their answers train: estimates of a value"
    )

    def learn(self, groups: Sequence[Group], links: Links) -> Iterator[Sample | Dropped]:
        """Give a sample for every estimate whose outcome is known."""
        for told in (each for group in groups for each in group.trajectories):
            outcome = told.parts.get(OUTCOME, links.outcome(told, self.threshold))
            affirms = affirmed(told)
            if outcome is None:
                yield from drop("no outcome", [told])
            elif affirms is None:
                yield from drop("no estimate", [told])
            else:
                word = Rendering(told.prompt, (Segment(told, told.tokens[:1]),), told.logprobs[:1])
                label = outcome if affirms else 1 - outcome
                yield sample(told, word, self.weight, Valuation(), target=label)


def affirmed(told: Trajectory) -> bool | None:
    """Tell whether an estimate's word stands for success, so that its probability is the value.

    The critic says one of two words; its estimate is the probability of the word for success, and
    so that of the word that it said, or what is missing to 1. None where it is neither, or both.
    """
    if told.value is None or not told.logprobs:
        return None
    said = math.exp(told.logprobs[0])
    yes, no = (abs(told.value - each) <= EXACT for each in (said, 1 - said))
    return None if yes == no else yes
