"""GRPO: an answer is as good as it stands out from its group (Shao et al. 2024, 2402.03300).

Equation 3 with outcome rewards: A_i = (r_i - mean r) / std r, the ratio clipped as in PPO. The
defaults depart as later work does: tokens are averaged over the whole batch (DAPO, 2503.14476,
eq. 8), there is no KL term, and `epsilon_high` may exceed `epsilon`. With `scale_rewards` none
it is Dr. GRPO (Liu et al. 2025, 2503.20783) up to a constant factor.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import Field

from simctl.trainer.advantages import centred, deviation, standardised
from simctl.trainer.links import Links
from simctl.trainer.objectives.policy_gradient import Reinforcing, returns_of
from simctl.trainer.trajectory import Group


class Standing(Reinforcing):
    """Weighs answers by their standing in their group."""

    scale_rewards: Literal["group", "batch", "none"] = Field(
        default="group",
        description="divide by the standard deviation of the group, of the role's answers of that "
        "kind in the round, or not",
    )

    def advantages(self, graded: Sequence[Group], links: Links) -> Iterator[list[float]]:  # noqa: ARG002 - each group is its own measure
        """Give centred rewards, scaled as wanted."""
        batch = deviation([reward for group in graded for reward in returns_of(group)])
        for group in graded:
            rewards = returns_of(group)
            match self.scale_rewards:
                case "group":
                    yield standardised(rewards, deviation(rewards))
                case "batch":
                    yield standardised(rewards, batch)
                case "none":
                    yield centred(rewards)


class Grpo(Standing):
    """Reinforces answers by their standing in their group."""

    kind: Literal["grpo"] = "grpo"
