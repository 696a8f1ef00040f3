"""Advantages: how much better an answer was than those it is compared with."""

from collections.abc import Sequence
from statistics import fmean, stdev

EPSILON = 1e-4  # keeps a jitter of 1e-6 in the rewards from becoming an advantage of one half
SAME = 1e-6  # rewards closer than this are the same reward


def deviation(rewards: Sequence[float]) -> float:
    """Return the standard deviation with n - 1; that of a single reward is 1."""
    return stdev(rewards) if len(rewards) > 1 else 1.0


def centred(rewards: Sequence[float]) -> list[float]:
    """Return each reward minus their mean."""
    mean = fmean(rewards)
    return [reward - mean for reward in rewards]


def standardised(rewards: Sequence[float], scale: float) -> list[float]:
    """Return centred rewards over `scale`, a standard deviation (GRPO, Shao et al. 2402.03300)."""
    return [gap / (scale + EPSILON) for gap in centred(rewards)]


def leave_one_out(rewards: Sequence[float]) -> list[float]:
    """Return each reward minus the mean of the others (RLOO, Ahmadian et al. 2402.14740)."""
    n = len(rewards)
    return [gap * n / (n - 1) for gap in centred(rewards)] if n > 1 else [0.0] * n


def reliability(rate: float, floor: float) -> float:
    """Return w(p) = floor + (1 - floor) clip((p - 0.3) / 0.5, 0, 1) (ADPO of Agent0, 2511.16043).

    Labels of questions on which few answers agree are trusted less.
    """
    return floor + (1 - floor) * min(1.0, max(0.0, (rate - 0.3) / 0.5))


def widening(rate: float, most: float) -> float:
    """Return most clip((0.8 - p) / 0.5, 0, 1): the extra room above 1 of a ratio (ADPO)."""
    return most * min(1.0, max(0.0, (0.8 - rate) / 0.5))


def informative(rewards: Sequence[float]) -> bool:
    """Tell whether the rewards differ, so that there is something to learn from comparing them."""
    return len(rewards) > 1 and max(rewards) - min(rewards) > SAME
