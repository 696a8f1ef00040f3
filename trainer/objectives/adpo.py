"""ADPO: GRPO that trusts doubtful labels less and gives them more room (Agent0, 2511.16043).

On labels by majority vote, p is the share of the majority, here the share of attempts that were
rewarded: A = (r - mean)/(std + eps) w(p), and the ratio may rise to 1 + epsilon_high + `widen`
clip((0.8 - p)/0.5, 0, 1). The published script has `floor` 0.6; its default is 0.5.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import Field

from simctl.trainer.advantages import reliability, widening
from simctl.trainer.links import Links
from simctl.trainer.objectives.grpo import Standing
from simctl.trainer.sample import PolicyGradient
from simctl.trainer.trajectory import Group, Trajectory


class Adpo(Standing):
    """Reinforces answers by their standing in their group, as far as its label can be trusted."""

    kind: Literal["adpo"] = "adpo"
    floor: float = Field(
        default=0.6, ge=0, le=1, description="weight of a question on which few answers agree"
    )
    widen: float = Field(
        default=0.1, ge=0, description="most that such a question adds to epsilon_high"
    )

    def advantages(self, graded: Sequence[Group], links: Links) -> Iterator[list[float]]:
        """Give GRPO's advantages times the trust in the question's label."""
        for group, values in zip(graded, super().advantages(graded, links), strict=True):
            trust = reliability(self._rate(group.trajectories[0], links), self.floor)
            yield [trust * value for value in values]

    def loss(self, told: Trajectory, links: Links) -> PolicyGradient:
        """Return the loss of an answer, with the room of its question."""
        room = self.epsilon_high + widening(self._rate(told, links), self.widen)
        return super().loss(told, links).model_copy(update={"epsilon_high": room})

    def _rate(self, told: Trajectory, links: Links) -> float:
        rate = links.solve_rate(told.about, self.threshold)
        return 1.0 if rate is None else rate
