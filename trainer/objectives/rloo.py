"""RLOO: the baseline of an answer is the mean of the others (Ahmadian et al. 2024, 2402.14740).

Equation 8: A_i = r_i - 1/(k-1) sum of r_j over j other than i. Unbiased, and without a scale.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

from simctl.trainer.advantages import leave_one_out
from simctl.trainer.links import Links
from simctl.trainer.objectives.policy_gradient import Reinforcing, returns_of
from simctl.trainer.trajectory import Group


class Rloo(Reinforcing):
    """Reinforces answers by their lead over the others of their group."""

    kind: Literal["rloo"] = "rloo"

    def advantages(self, graded: Sequence[Group], links: Links) -> Iterator[list[float]]:  # noqa: ARG002 - each group is its own measure
        """Give each reward minus the mean of the others."""
        for group in graded:
            yield leave_one_out(returns_of(group))
