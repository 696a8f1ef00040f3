"""Preference: DPO on pairs that the society made itself (Rafailov et al. 2023, 2305.18290).

Which pairs is the method. best_worst: Self-Rewarding (2401.10020), and with `top` the choice by
length of Meta-Rewarding (2407.19594), for solver and critic alike. right_wrong: Socratic-Zero
(2509.24726), the verifier of V-STaR (2402.06457), and with the teacher's solutions among the
answers ExP-DPO (2507.02834) and SuperCorrect (2410.07171). revised: SPaR (2412.11605) and EVOLVE
(2502.05605). stop_go: ReVISE (2502.14565). The loss has the reference at the beginning of the
round, sums log-probabilities over each answer, and so grows with its length.

Temporal Self-Rewarding (2508.06026) prefers answers of a later policy to ones of the first. A round
holds the answers of one policy; what stands in for a later one is the same with a privileged view:
decoupled, over attempts and lessons.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import Field

from simctl.trainer.context import Context, Ids
from simctl.trainer.links import Links
from simctl.trainer.objective import Contextual, drop, sample
from simctl.trainer.pairs import (
    Candidate,
    Pair,
    best_worst,
    decoupled,
    revised,
    right_wrong,
    stop_or_go,
)
from simctl.trainer.sample import Dropped, Preference, Sample
from simctl.trainer.select import weights
from simctl.trainer.trajectory import Group, Trajectory


class Prefer(Contextual):
    """Prefers the better of two answers to the same prompt."""

    kind: Literal["preference"] = "preference"
    context: Context = Field(
        default="bare",
        description="bare: what was said with a hint, a privileged view or an attempt in view "
        "trains under the prompt of an unaided answer; own: under its own",
    )
    pair: Literal["best_worst", "right_wrong", "revised", "decoupled", "stop_go"] = Field(
        default="best_worst",
        description="the best and the worst; every right with every wrong; a better revision and "
        "what it revised; the best privileged solution and the worst attempt; or to end an attempt "
        "and to doubt it, as it is right or wrong",
    )
    top: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="best_worst: the shortest answer within this share of the best is preferred",
    )
    max_pairs: int | None = Field(
        default=None, ge=1, description="right_wrong: most pairs of one prompt; none for all"
    )
    weigh: Literal["one", "task", "entropy"] = Field(
        default="one",
        description="weight of a pair: 1, alike for every task, or the entropy of its task's "
        "answers (EAST)",
    )
    exponent: float = Field(default=1.0, ge=0, description="power of the entropy in EAST's weight")
    beta: float = Field(default=0.1, gt=0, description="DPO's inverse temperature")
    nll: float = Field(
        default=0.0, ge=0, description="factor of the better answer's likelihood that is added"
    )

    def learn(self, groups: Sequence[Group], links: Links) -> Iterator[Sample | Dropped]:
        """Give a sample for every pair, and drop the answers that are in none."""
        graded: list[Trajectory] = []
        for told in (each for group in groups for each in group.trajectories):
            if told.reward is None:
                yield from drop("no grade", [told])
            else:
                graded.append(told)
        pairs: list[Pair] = []
        if self.pair == "stop_go":
            pairs = [p for told in graded for p in stop_or_go(told, links, self.threshold)]
        else:
            candidates: list[Candidate] = []
            for told in graded:
                rendering = self.rendered(told, links)
                if isinstance(rendering, Dropped):
                    yield rendering
                else:
                    candidates.append(Candidate(told, rendering))
            graded = [each.told for each in candidates]
            made = (pair for alike in _by_prompt(candidates) for pair in self._pairs(alike))
            pairs = [pair for pair in made if pair.chosen.tokens != pair.rejected]
        paired = {source for pair in pairs for source in pair.sources}
        for told in graded:
            yield from drop("no pair", [] if told.source in paired else [told])
        yield from self._weighed(pairs, links)

    def _pairs(self, alike: Sequence[Candidate]) -> Iterator[Pair]:
        match self.pair:
            case "right_wrong":
                return right_wrong(alike, self.threshold, self.max_pairs)
            case "revised":
                return revised(alike)
            case "decoupled":
                return decoupled(alike)
            case _:
                return best_worst(alike, self.top)

    def _weighed(self, pairs: Sequence[Pair], links: Links) -> Iterator[Sample | Dropped]:
        told = [each.told for each in pairs]
        sizes = weights(told, links, self.weigh, threshold=self.threshold, exponent=self.exponent)
        loss = Preference(beta=self.beta, nll=self.nll)
        for pair, size in zip(pairs, sizes, strict=True):
            if size == 0:
                yield from drop("no weight", [pair.told])
                continue
            weight = self.weight * size
            yield sample(pair.told, pair.chosen, weight, loss, rejected=pair.rejected)


def _by_prompt(candidates: Sequence[Candidate]) -> list[list[Candidate]]:
    alike: dict[Ids, list[Candidate]] = defaultdict(list)
    for each in candidates:
        alike[each.rendering.prompt].append(each)
    return list(alike.values())
