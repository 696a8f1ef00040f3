"""Policy gradient: what the objectives that reinforce by comparison have in common."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import Literal

from pydantic import Field

from simctl.trainer.advantages import SAME, informative
from simctl.trainer.objective import Objective, drop, sample
from simctl.trainer.sample import Dropped, PolicyGradient, Sample
from simctl.trainer.trajectory import Group, Trajectory

Scored = tuple[Trajectory, float]


class Reinforce(Objective):
    """Reinforces answers by their advantage over their own group, never over other roles."""

    epsilon: float = Field(
        default=0.2, gt=0, description="how far the probability ratio may fall below 1"
    )
    epsilon_high: float = Field(
        default=0.2, gt=0, description="how far the probability ratio may rise above 1"
    )
    importance_sampling_level: Literal["token", "sequence"] = Field(
        default="token", description="ratio of every token, or one for the whole answer (GSPO)"
    )
    loss_type: Literal["dapo", "grpo"] = Field(
        default="dapo", description="dapo: every token counts alike; grpo: every answer"
    )
    mask_truncated_completions: bool = Field(
        default=False, description="answers cut off at the length limit do not train"
    )

    @abstractmethod
    def advantages(self, graded: Sequence[Group]) -> Iterator[list[float]]:
        """Give the advantages of each group, all of one role and with a reward on every answer."""

    def samples(self, groups: Sequence[Group]) -> Iterator[Sample | Dropped]:
        """Give a sample for every graded answer of an informative group."""
        for role in self.roles:
            mine = [group for group in self.own(groups) if group.role == role]
            graded: list[Group] = []
            for group in mine:
                yield from drop("no grade", [t for t in group.trajectories if t.reward is None])
                known = tuple(t for t in group.trajectories if t.reward is not None)
                if informative(_rewards(known)):
                    graded.append(Group(group.role, group.kind, known))
                else:
                    yield from drop("zero variance", known)
            yield from self._of_role(graded)

    def _of_role(self, graded: Sequence[Group]) -> Iterator[Sample | Dropped]:
        scored: list[Scored] = []
        for group, advantages in zip(graded, self.advantages(graded), strict=True):
            for told, advantage in zip(group.trajectories, advantages, strict=True):
                if self.mask_truncated_completions and told.truncated:
                    yield from drop("truncated", [told])
                elif abs(advantage) <= SAME:
                    yield from drop("zero advantage", [told])
                else:
                    scored.append((told, advantage))
        yield from self._weighed(scored)

    def _weighed(self, scored: Sequence[Scored]) -> Iterator[Sample]:
        loss = PolicyGradient(
            epsilon=self.epsilon,
            epsilon_high=self.epsilon_high,
            importance_sampling_level=self.importance_sampling_level,
        )
        mean_length = fmean(len(t.tokens) for t, _ in scored) if scored else 1.0
        for told, advantage in scored:
            # the learner averages over tokens, so this makes the answers count alike
            share = mean_length / len(told.tokens) if self.loss_type == "grpo" else 1.0
            yield sample(told, self.weight * share * advantage, loss)


def _rewards(trajectories: Sequence[Trajectory]) -> list[float]:
    return [each.reward for each in trajectories if each.reward is not None]


def rewards_of(group: Group) -> list[float]:
    """Return the rewards of a graded group."""
    return _rewards(group.trajectories)
