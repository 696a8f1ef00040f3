"""Selection: which answers train, and how much each weighs. Pure functions of rewards and tasks."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Literal

from simctl.trainer.links import Links
from simctl.trainer.trajectory import Trajectory

Weigh = Literal["one", "reward", "task", "entropy", "gaussian"]
MIDDLE, WIDTH = 0.5, 0.2  # of Socratic-Zero's bell
AGREEMENT = "share"  # part of a grade: the share of the group with the same final answer


def within(rate: float | None, band: tuple[float, float]) -> bool:
    """Tell whether a task's solve rate is known and lies in the band, ends included."""
    return rate is not None and band[0] <= rate <= band[1]


def gaussian(rate: float, middle: float = MIDDLE, width: float = WIDTH) -> float:
    """Return exp(-(s - mu)^2 / (2 sigma^2)): tasks solved half of the time (Socratic-Zero)."""
    return math.exp(-((rate - middle) ** 2) / (2 * width**2))


def entropy(attempts: Sequence[Trajectory]) -> float:
    """Return the entropy H, in nats, of the final answers of attempts at one task.

    The mean of -log of each one's share is that entropy. Where no grade tells the shares, attempts
    agree if their tokens do.
    """
    alike = Counter(each.tokens for each in attempts)
    shares = [each.parts.get(AGREEMENT, alike[each.tokens] / len(attempts)) for each in attempts]
    return fmean(-math.log(share) if share > 0 else 0.0 for share in shares) if shares else 0.0


def spread_weights(entropies: Sequence[float], exponent: float = 1.0) -> list[float]:
    """Return H^a over its mean, so that the mean weight is 1 (EAST, 2503.23913).

    Where nothing is uncertain, everything weighs 1.
    """
    powers = [value**exponent if value > 0 else 0.0 for value in entropies]
    mean = fmean(powers) if powers else 0.0
    return [power / mean for power in powers] if mean > 0 else [1.0] * len(powers)


def even_weights(tasks: Sequence[int]) -> list[float]:
    """Return weights by which every task counts alike; their mean is 1."""
    counts = Counter(tasks)
    return [len(tasks) / (len(counts) * counts[task]) for task in tasks]


def weights(
    told: Sequence[Trajectory], links: Links, weigh: Weigh, *, threshold: float, exponent: float
) -> list[float]:
    """Return the weight of each accepted answer.

    one: 1. reward: its reward. task: every task counts alike. entropy: EAST's. gaussian: by the
    solve rate of its task, 0 where nobody attempted that.
    """
    match weigh:
        case "one":
            return [1.0] * len(told)
        case "reward":
            return [each.reward or 0.0 for each in told]
        case "task":
            return even_weights([each.about for each in told])
        case "entropy":
            unsure = {task: entropy(links.attempts(task)) for task in {t.about for t in told}}
            return spread_weights([unsure[each.about] for each in told], exponent)
        case "gaussian":
            rates = [links.solve_rate(each.about, threshold) for each in told]
            return [0.0 if rate is None else gaussian(rate) for rate in rates]


Pick = Literal["earliest", "best", "shortest"]
_ORDERS: dict[Pick, Callable[[Trajectory], tuple[float, int]]] = {
    "earliest": lambda each: (0.0, each.source),
    "best": lambda each: (-(each.reward or 0.0), each.source),
    "shortest": lambda each: (float(len(each.tokens)), each.source),
}


def picked(told: Sequence[Trajectory], most: int | None, pick: Pick) -> set[int]:
    """Return the sources of at most `most` answers of each task."""
    by_task: dict[int, list[Trajectory]] = defaultdict(list)
    for each in told:
        by_task[each.about].append(each)
    return {
        each.source for some in by_task.values() for each in sorted(some, key=_ORDERS[pick])[:most]
    }
