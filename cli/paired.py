"""Paired differences: two arms under the same seeds, and an interval of their mean. Pure.

Seeds are the pairs: what a seed makes easy or hard for one arm, it does for the other. The
interval is Student's (1908): mean +- t s / sqrt(n), with n - 1 degrees of freedom and s over n - 1.
There is no bootstrap: with five seeds its intervals are known to be too short.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev

from scipy.stats import t as student

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """The mean of some differences and where it may lie; without two of them nobody can tell."""

    mean: float
    low: float | None
    high: float | None
    pairs: int


def differences(one: Mapping[int, float], other: Mapping[int, float]) -> list[float]:
    """Return `one` minus `other` for every seed that both have, by seed."""
    return [one[seed] - other[seed] for seed in sorted(one.keys() & other.keys())]


def interval(found: Sequence[float], confidence: float = CONFIDENCE) -> Interval | None:
    """Return the interval of the mean of differences; None where there is no pair."""
    pairs = len(found)
    if not pairs:
        return None
    mean = fmean(found)
    if pairs == 1:
        return Interval(mean, None, None, pairs)
    half = float(student.ppf((1 + confidence) / 2, pairs - 1)) * stdev(found) / sqrt(pairs)
    return Interval(mean, mean - half, mean + half, pairs)
