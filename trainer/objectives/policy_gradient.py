"""Policy gradient: what the objectives that reinforce by comparison have in common."""

from abc import abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import fmean
from typing import Literal

from pydantic import Field

from simctl.trainer.advantages import SAME, informative
from simctl.trainer.context import Rendering, inline
from simctl.trainer.links import Links
from simctl.trainer.objective import Contextual, drop, sample
from simctl.trainer.sample import Dropped, PolicyGradient, Sample
from simctl.trainer.trajectory import Group, Trajectory

Advantages = dict[int, float]  # by the source of the answer


class Reinforcing(Contextual):
    """Reinforces answers by what they earned beside others of their role and kind, never of more.

    All turns of a rollout have its advantage, and it counts once among those it is compared with.
    """

    epsilon: float = Field(
        default=0.2, gt=0, description="how far the probability ratio may fall below 1"
    )
    epsilon_high: float = Field(
        default=0.2, gt=0, description="how far the probability ratio may rise above 1"
    )
    importance_sampling_level: Literal["token", "sequence"] = Field(
        default="token", description="ratio of every token, or one for the whole answer (GSPO)"
    )
    importance_sampling_cap: float | None = Field(
        default=None,
        gt=0,
        description="most that a token's truncated weight of trainer over sampler may be; none for "
        "the clipped ratio alone",
    )
    shaping: float | None = Field(
        default=None,
        ge=0,
        description="gamma of the shaped ratio pi/(sg pi + gamma) of another's words (ThinkTuning)",
    )
    least_logprob: float | None = Field(
        default=None, description="tokens less likely than this do not train (RLTF-SD); none: all"
    )
    entropy: float = Field(default=0.0, ge=0, description="factor of the entropy bonus")
    loss_type: Literal["dapo", "grpo"] = Field(
        default="dapo", description="dapo: every token counts alike; grpo: every answer"
    )
    mask_truncated_completions: bool = Field(
        default=False, description="answers cut off at the length limit do not train"
    )
    inline: bool = Field(
        default=False,
        description="attempt, critique and revision train as one sequence, each by its own "
        "advantage",
    )

    remarks: bool = Field(
        default=False,
        description="inline: what others remarked trains by the advantage of the answer it led to",
    )

    @abstractmethod
    def advantages(self, graded: Sequence[Group], links: Links) -> Iterator[list[float]]:
        """Give the advantage of each rollout of each group, all graded and of one role and kind."""

    @property
    def compares(self) -> bool:
        """Whether a group of equal rewards has nothing to teach."""
        return True

    def learn(self, groups: Sequence[Group], links: Links) -> Iterator[Sample | Dropped]:
        """Give a sample for every graded answer with an advantage."""
        found: Advantages = {}
        for stratum in _strata(groups):
            graded: list[Group] = []
            for group in stratum:
                yield from drop("no grade", [t for t in group.trajectories if t.reward is None])
                known = tuple(t for t in group.trajectories if t.reward is not None)
                judged = Group(group.role, group.kind, known)
                if known and (informative(returns_of(judged)) or not self.compares):
                    graded.append(judged)
                else:
                    yield from drop("zero variance", known)
            for group, values in zip(graded, self.advantages(graded, links), strict=True):
                for rollout, value in zip(group.rollouts, values, strict=True):
                    found.update((each.source, value) for each in rollout)
        told = [each for group in groups for each in group.trajectories if each.source in found]
        yield from self._weighed(told, found, links)

    def _weighed(
        self, told: Sequence[Trajectory], advantages: Advantages, links: Links
    ) -> Iterator[Sample | Dropped]:
        kept: list[tuple[Trajectory, Rendering]] = []
        for each in told:
            reason = self._refused(each, advantages, links)
            if reason:
                yield from drop(reason, [each])
                continue
            match self.rendered(each, links):
                case Dropped() as dropped:
                    yield dropped
                case rendering:
                    kept.append((each, rendering))
        mean_length = fmean(len(each.tokens) for _, each in kept) if kept else 1.0
        for each, rendering in kept:
            # the learner averages over tokens, so this makes the answers count alike
            share = mean_length / len(rendering.tokens) if self.loss_type == "grpo" else 1.0
            weigh = _weighing(self._with_remarks(each, advantages, links), self.weight * share)
            yield sample(each, rendering, weigh, self.loss(each, links))

    def _with_remarks(self, told: Trajectory, advantages: Advantages, links: Links) -> Advantages:
        """Return the advantages, those of remarks that led to an answer being the answer's."""
        if not self.remarks:
            return advantages
        said = (part for part in links.chain(told) if part.sort == "critique")
        return {part.source: advantages[told.source] for part in said} | advantages

    def render(self, told: Trajectory, links: Links) -> Rendering:
        """Return an answer, or with `inline` all that led to it, under the prompt it trains under.

        Raises:
            NoBarePromptError: the round has no such prompt.
        """
        return inline(told, links) if self.inline else super().render(told, links)

    def loss(self, told: Trajectory, links: Links) -> PolicyGradient:  # noqa: ARG002 - for all alike
        """Return the loss of an answer."""
        return PolicyGradient(
            epsilon=self.epsilon,
            epsilon_high=self.epsilon_high,
            importance_sampling_level=self.importance_sampling_level,
            importance_sampling_cap=self.importance_sampling_cap,
            shaping=self.shaping,
            least_logprob=self.least_logprob,
            entropy=self.entropy,
        )

    def _refused(self, told: Trajectory, advantages: Mapping[int, float], links: Links) -> str:
        if self.mask_truncated_completions and told.truncated:
            return "truncated"
        if not self.inline:
            return "zero advantage" if abs(advantages[told.source]) <= SAME else ""
        if not links.ends(told):
            return "told with what followed"
        parts = (abs(advantages.get(each.source, 0.0)) for each in links.chain(told))
        return "zero advantage" if max(parts) <= SAME else ""


def returns_of(group: Group) -> list[float]:
    """Return the reward of each rollout of a graded group."""
    return [turns[0].reward or 0.0 for turns in group.rollouts]


def _weighing(advantages: Advantages, factor: float) -> Callable[[Trajectory], float]:
    return lambda told: factor * advantages.get(told.source, 0.0)


def _strata(groups: Sequence[Group]) -> list[list[Group]]:
    """Return the groups by role and kind: these alone may share a statistic."""
    strata: dict[tuple[str, str], list[Group]] = defaultdict(list)
    for group in groups:
        strata[group.role, group.sort].append(group)
    return list(strata.values())
