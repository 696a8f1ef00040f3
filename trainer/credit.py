"""Credit: what an answer's grade is worth beside the others of its role and kind in the round.

A recipe lists credits for an objective; each sees the rewards that the one before it left. They are
pure, and see one role and one sort of answers at a time, never two.
"""

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from simctl.bus.values import Value
from simctl.trainer.advantages import deviation, standardised
from simctl.trainer.clusters import crowding
from simctl.trainer.links import Links
from simctl.trainer.trajectory import Group, Trajectory

Rewards = list[float | None]  # none: not graded, and so it stays


class Credit(Value, ABC):
    """A change to rewards that needs the whole round. Its fields are its settings in a recipe."""

    @abstractmethod
    def rewards(self, told: Sequence[Trajectory], links: Links) -> Rewards:
        """Return the new reward of each answer, all of one role and sort."""


class Percentile(Credit):
    """SGS's examiner (2604.20209): hard tasks that were solved, times the guide's score.

    1 - s for 0 < s <= P, else 0, with P = sorted[int(quantile n)] of the n solve rates strictly
    between 0 and 1; times the guide's score; what is left is stretched to [0, 1], and is all 1
    where it is equal. As the code has it, the percentile is that of the informative tasks only.
    """

    kind: Literal["percentile"] = "percentile"
    quantile: float = Field(
        default=0.7, ge=0, lt=1, description="share of the solve rates that are hard enough"
    )
    score: str = Field(
        default="", description="part of the grade that multiplies, as the guide's; empty for none"
    )
    threshold: float = Field(default=1.0, description="least reward of a right attempt")

    def rewards(self, told: Sequence[Trajectory], links: Links) -> Rewards:
        """Weigh the tasks that are solved seldom enough, and give 0 to all others."""
        rates = [_rate(each, links, self.threshold) for each in told]
        scores = [each.parts.get(self.score, 0.0) if self.score else 1.0 for each in told]
        return list(percentile_weights(rates, scores, self.quantile))


class Repetition(Credit):
    """R-Zero's penalty (2508.05004): the share of the round's answers that say the same."""

    kind: Literal["repetition"] = "repetition"
    scale: float = Field(default=1.0, gt=0, description="factor of the share that is taken off")
    cut: float = Field(
        default=0.5, gt=0, le=1, description="mean distance 1 - BLEU below which clusters join"
    )

    def rewards(self, told: Sequence[Trajectory], links: Links) -> Rewards:  # noqa: ARG002 - all alike
        """Take off each answer's share of its own cluster."""
        shares = crowding(_questions(told), self.cut)
        return [
            None if each.reward is None else each.reward - self.scale * share
            for each, share in zip(told, shares, strict=True)
        ]


class Overlong(Credit):
    """SGS's override: from 0 to -1 over the last share of the budget, whatever was earned."""

    kind: Literal["overlong"] = "overlong"
    longest: int = Field(ge=1, description="the budget: longest answer in tokens")
    share: float = Field(default=0.2, gt=0, le=1, description="last share of it that is penalised")

    def rewards(self, told: Sequence[Trajectory], links: Links) -> Rewards:  # noqa: ARG002 - all alike
        """Replace the rewards of answers that are too long."""
        penalties = [overlong(len(each.tokens), self.longest, self.share) for each in told]
        return [
            penalty if penalty < 0 else each.reward
            for each, penalty in zip(told, penalties, strict=True)
        ]


class Whiten(Credit):
    """Dr.Zero's advantage: standardised among the answers whose tasks are equally difficult."""

    kind: Literal["whiten"] = "whiten"

    def rewards(self, told: Sequence[Trajectory], links: Links) -> Rewards:  # noqa: ARG002 - all alike
        """Standardise within each difficulty; what is alone there stands at its mean, 0."""
        at: dict[int, list[int]] = defaultdict(list)
        for number, each in enumerate(told):
            if each.reward is not None:
                at[each.difficulty].append(number)
        found: Rewards = [None] * len(told)
        for numbers in at.values():
            known = [each.reward or 0.0 for each in (told[number] for number in numbers)]
            whitened = standardised(known, deviation(known))
            for number, advantage in zip(numbers, whitened, strict=True):
                found[number] = advantage
        return found


AnyCredit = Annotated[Percentile | Repetition | Overlong | Whiten, Field(discriminator="kind")]


def credited(groups: Sequence[Group], steps: Sequence[Credit], links: Links) -> list[Group]:
    """Return the groups with the rewards that the credits leave, a role and sort at a time."""
    if not steps:
        return list(groups)
    strata: dict[tuple[str, str], list[Trajectory]] = defaultdict(list)
    for group in groups:
        strata[group.role, group.sort] += group.trajectories
    worth: dict[int, Trajectory] = {}
    for stratum in strata.values():
        told = stratum
        for credit in steps:
            rewards = credit.rewards(told, links)
            told = [e._replace(reward=reward) for e, reward in zip(told, rewards, strict=True)]
        worth.update((each.source, each) for each in told)
    return [
        Group(group.role, group.kind, tuple(worth[each.source] for each in group.trajectories))
        for group in groups
    ]


def percentile_weights(
    rates: Sequence[float | None], scores: Sequence[float], quantile: float
) -> list[float]:
    """Return SGS's weight of each task from its solve rate and the guide's score."""
    inside = sorted(rate for rate in rates if rate is not None and 0 < rate < 1)
    bound = inside[int(quantile * len(inside))] if inside else 0.0
    kept = {
        at: (1 - rate) * score
        for at, (rate, score) in enumerate(zip(rates, scores, strict=True))
        if rate is not None and 0 < rate <= bound
    }
    least, most = min(kept.values(), default=0.0), max(kept.values(), default=0.0)
    span = most - least
    return [
        0.0 if at not in kept else (kept[at] - least) / span if span else 1.0
        for at in range(len(rates))
    ]


def overlong(length: int, longest: int, share: float) -> float:
    """Return 0 up to the last `share` of the budget, and from there linearly down to -1."""
    return -min(1.0, max(0.0, (length - (1 - share) * longest) / (share * longest)))


def _questions(told: Sequence[Trajectory]) -> list[tuple[int, ...]]:
    """Return what was said after what only its own prompt holds, as the problem that it extends."""
    prompts = [each.prompt for each in told]
    first = min(prompts, key=len, default=())
    head = next((at for at in range(len(first)) if len({p[at] for p in prompts}) > 1), len(first))
    rest = [each[head:] for each in prompts]
    short = min(rest, key=len, default=())
    tail = next(
        (at for at in range(len(short)) if len({r[len(r) - 1 - at] for r in rest}) > 1), len(short)
    )
    return [r[: len(r) - tail] + each.unended for r, each in zip(rest, told, strict=True)]


def _rate(told: Trajectory, links: Links, threshold: float) -> float | None:
    """Return the solve rate that the grade of a posed task tells, or else its attempts."""
    return told.parts.get("solve_rate", links.solve_rate(told.about, threshold))
