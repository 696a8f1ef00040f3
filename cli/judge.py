"""The judge: what the runs say of a claim. Pure.

A claim is confirmed where the interval lies beyond the least difference, and refuted only where
it excludes what was claimed. Where every one of several comparisons must be so, each is looked at
by its own interval (Berger 1982, intersection-union). Where one of them is enough, the intervals
are as wide as Bonferroni asks, or the chance that one of many is so by accident would be large.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from simctl.cli.claims import Claim
from simctl.cli.paired import CONFIDENCE, Interval, differences, interval

ENOUGH = 5  # paired seeds that a verdict needs
Word = Literal["confirmed", "refuted", "inconclusive"]
Scores = Mapping[str, Mapping[int, float]]  # by arm, then by seed; more is better


@dataclass(frozen=True)
class Duel:
    """Two arms of a claim: `better` minus `worse`, None where they share no seed.

    `wide` is the interval that Bonferroni asks for.
    """

    better: str
    worse: str
    difference: Interval | None
    wide: Interval | None


@dataclass(frozen=True)
class Verdict:
    """What the runs say of a claim, the comparisons behind it, and why nothing if so."""

    word: Word
    duels: tuple[Duel, ...]
    wide: float  # confidence of the wide intervals
    reason: str = ""


def judge(claim: Claim, scores: Scores) -> Verdict:
    """Return what the scores of every arm and seed say of a claim."""
    pairs = claim.pairs(list(scores))
    wide = 1 - (1 - CONFIDENCE) / max(len(pairs), 1)
    duels = tuple(_duel(one, other, scores, wide) for one, other in pairs)
    fewest = min((each.difference.pairs if each.difference else 0 for each in duels), default=0)
    if fewest < ENOUGH:
        reason = f"a verdict needs {ENOUGH} paired seeds, and there are {fewest}"
        return Verdict("inconclusive", duels, wide, reason)
    return Verdict(_word(claim, duels), duels, wide)


def _duel(one: str, other: str, scores: Scores, wide: float) -> Duel:
    found = differences(scores[one], scores[other])
    return Duel(one, other, interval(found), interval(found, wide))


def _word(claim: Claim, duels: Sequence[Duel]) -> Word:
    own, wide = [each.difference for each in duels], [each.wide for each in duels]
    confirmed = (
        all(_over(each, claim.margin) for each in own)
        if claim.every
        else any(_over(each, claim.margin) for each in wide)
    )
    refuted = (
        any(_under(each, claim.margin) for each in wide)
        if claim.every
        else all(_under(each, claim.margin) for each in own)
    )
    return "confirmed" if confirmed else "refuted" if refuted else "inconclusive"


def _over(found: Interval | None, margin: float) -> bool:
    return found is not None and found.low is not None and found.low > margin


def _under(found: Interval | None, margin: float) -> bool:
    return found is not None and found.high is not None and found.high < margin
