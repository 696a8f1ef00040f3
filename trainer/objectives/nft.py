"""NFT: supervised learning that uses wrong answers too (Chen et al. 2025, 2505.18116).

With r the share of right answers to a question, right ones are imitated and wrong ones train the
policy that is implied by taking the right ones away. Strictly on-policy, `weigh` grpo, omega =
sqrt((1 - r)/r), gives GRPO's gradient, and dr_grpo, omega = 1 - r, that of Dr. GRPO (section 4).
"""

import math
from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import Literal

from pydantic import Field

from simctl.trainer.links import Links
from simctl.trainer.objective import Contextual, drop, sample
from simctl.trainer.sample import Dropped, ImplicitNegative, Sample
from simctl.trainer.trajectory import Group, Trajectory


class Nft(Contextual):
    """Learns from right and wrong answers to the same question."""

    kind: Literal["nft"] = "nft"
    weigh: Literal["grpo", "dr_grpo", "one"] = Field(
        default="grpo", description="weight of a question: as GRPO or Dr. GRPO has it, or 1"
    )
    epsilon: float = Field(
        default=1.0, gt=0, description="least likelihood ratio of the implied policy"
    )

    def learn(self, groups: Sequence[Group], links: Links) -> Iterator[Sample | Dropped]:
        """Give a sample for every answer to a question with right and wrong ones."""
        for group in groups:
            yield from drop("no grade", [t for t in group.trajectories if t.reward is None])
            known = [each for each in group.trajectories if each.reward is not None]
            rate = fmean(map(self._right, known)) if known else 0.0
            if not 0 < rate < 1:
                yield from drop("zero variance", known)
                continue
            for told in known:
                yield self._sample(told, rate, links)

    def _sample(self, told: Trajectory, rate: float, links: Links) -> Sample | Dropped:
        rendering = self.rendered(told, links)
        if isinstance(rendering, Dropped):
            return rendering
        size = self.weight * question_weight(rate, self.weigh)
        signed = size if self._right(told) else -size
        loss = ImplicitNegative(epsilon=self.epsilon)
        return sample(told, rendering, signed, loss, target=rate)

    def _right(self, told: Trajectory) -> bool:
        return (told.reward or 0.0) >= self.threshold


def question_weight(rate: float, weigh: Literal["grpo", "dr_grpo", "one"]) -> float:
    """Return omega of a question that is answered right at this rate, strictly between 0 and 1."""
    match weigh:
        case "grpo":
            return math.sqrt((1 - rate) / rate)
        case "dr_grpo":
            return 1 - rate
        case "one":
            return 1.0
