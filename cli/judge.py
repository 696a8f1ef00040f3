"""The judge: what the runs say of a claim. Pure.

A claim is confirmed where the interval lies beyond the least difference, and refuted only where
it excludes what was claimed. With several comparisons each interval is as wide as Bonferroni asks,
so that all of them together are as sure as one alone.
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
    """Two arms of a claim: `better` minus `worse`, None where they share no seed."""

    better: str
    worse: str
    difference: Interval | None


@dataclass(frozen=True)
class Verdict:
    """What the runs say of a claim, the comparisons behind it, and why nothing if so."""

    word: Word
    duels: tuple[Duel, ...]
    confidence: float  # of each interval
    reason: str = ""


def judge(claim: Claim, scores: Scores) -> Verdict:
    """Return what the scores of every arm and seed say of a claim."""
    pairs = claim.pairs(list(scores))
    confidence = 1 - (1 - CONFIDENCE) / max(len(pairs), 1)
    duels = tuple(
        Duel(one, other, interval(differences(scores[one], scores[other]), confidence))
        for one, other in pairs
    )
    fewest = min((each.difference.pairs if each.difference else 0 for each in duels), default=0)
    if fewest < ENOUGH:
        reason = f"a verdict needs {ENOUGH} paired seeds, and there are {fewest}"
        return Verdict("inconclusive", duels, confidence, reason)
    return Verdict(_word(claim, duels), duels, confidence)


def _word(claim: Claim, duels: Sequence[Duel]) -> Word:
    known = [(each.low, each.high) for each in (duel.difference for duel in duels) if each]
    over = [low is not None and low > claim.margin for low, _ in known]
    under = [high is not None and high < claim.margin for _, high in known]
    if all(over) if claim.every else any(over):
        return "confirmed"
    if any(under) if claim.every else all(under):
        return "refuted"
    return "inconclusive"
