"""Value: the critic learns how likely a partial solution is to end well.

The regression of a process reward model on a tree's labels (ReST-MCTS*, Zhang et al. 2024,
2406.03816): (V - label)^2, V being the probability that the critic gives to the word for success.
The label is the part `outcome` of the estimate's grade, or else the share of the round's solutions
that begin as the partial one does and are right.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import Field

from simctl.bus.asks import Role
from simctl.trainer.context import own
from simctl.trainer.links import Links
from simctl.trainer.objective import Objective, drop, sample
from simctl.trainer.sample import Dropped, Sample, Valuation
from simctl.trainer.trajectory import Group, Sort

OUTCOME = "outcome"  # part of a grade: the share of solutions from here that were right


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
            if outcome is None:
                yield from drop("no outcome", [told])
            elif len(told.tokens) > 1:
                yield from drop("not one word", [told])
            else:
                yield sample(told, own(told), self.weight, Valuation(), target=outcome)
