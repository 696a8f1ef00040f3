"""Metrics: numbers of an update, named as TRL names them, with a segment for the role.

Where a role says things of several kinds, each has its own beside them, with a segment more:
`reward/solver/revised/mean`. Nothing is ever counted over several roles.

All of them are functions of the events and the weights, so two runs of one seed log the same.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import fmean

from simctl.trainer.advantages import deviation, informative
from simctl.trainer.trajectory import Group, Trajectory

Tallies = tuple[dict[str, float], ...]  # by names of metrics


def describe(groups: Sequence[Group], parent: int) -> dict[str, float]:
    """Return what a round looked like, role by role; `parent` is the version that learns."""
    sampled = [group for group in groups if not group.trajectories[0].demonstrated]
    metrics: dict[str, float] = {}
    for role in dict.fromkeys(group.role for group in sampled):
        mine = [group for group in sampled if group.role == role]
        metrics |= _describe(role, mine)
        sorts = dict.fromkeys(group.sort for group in mine)
        for sort in sorts if len(sorts) > 1 else ():
            metrics |= _describe(f"{role}/{sort}", [group for group in mine if group.sort == sort])
    told = [each for group in sampled for each in group.trajectories]
    ages = [float(parent - each.policy_version) for each in told if each.policy_version is not None]
    if ages:
        metrics |= {"staleness/mean": fmean(ages), "staleness/max": max(ages)}
    return metrics


def _describe(whose: str, groups: Sequence[Group]) -> dict[str, float]:
    told = [each for group in groups for each in group.trajectories]
    metrics = {
        f"completions/{whose}/mean_length": fmean(len(each.tokens) for each in told),
        f"completions/{whose}/clipped_ratio": fmean(each.truncated for each in told),
    }
    rewards = _rewards(told)
    if rewards:
        metrics[f"reward/{whose}/mean"] = fmean(rewards)
        metrics[f"reward/{whose}/std"] = deviation(rewards) if len(rewards) > 1 else 0.0
        graded = [known for group in groups if (known := _rewards(group.trajectories))]
        metrics[f"frac_reward_zero_std/{whose}"] = fmean(not informative(each) for each in graded)
    return metrics


def _rewards(told: Sequence[Trajectory]) -> list[float]:
    return [each.reward for each in told if each.reward is not None]


class Meter:
    """Collects numbers during an update and gives their means and extremes."""

    def __init__(self) -> None:
        """Start empty."""
        self._sums: dict[str, float] = defaultdict(float)
        self._weights: dict[str, float] = defaultdict(float)
        self._most: dict[str, float] = {}
        self._least: dict[str, float] = {}
        self._last: dict[str, float] = {}

    def mean(self, name: str, total: float, count: float = 1) -> None:
        """Add `count` values that sum to `total`."""
        if count:
            self._sums[name] += total
            self._weights[name] += count

    def most(self, name: str, value: float) -> None:
        """Keep the largest value."""
        self._most[name] = max(value, self._most.get(name, value))

    def least(self, name: str, value: float) -> None:
        """Keep the smallest value."""
        self._least[name] = min(value, self._least.get(name, value))

    def last(self, name: str, value: float) -> None:
        """Keep the latest value."""
        self._last[name] = value

    def add(self, name: str, value: float) -> None:
        """Count up."""
        self._last[name] = self._last.get(name, 0.0) + value

    def metrics(self) -> dict[str, float]:
        """Return everything collected, by name."""
        means = {name: total / self._weights[name] for name, total in self._sums.items()}
        return dict(sorted({**means, **self._most, **self._least, **self._last}.items()))

    def tallies(self) -> Tallies:
        """Return what was collected: sums, their weights, largest, least and latest values."""
        return self._sums, self._weights, self._most, self._least, self._last

    def join(self, tallies: Tallies) -> None:
        """Add what another process collected in the same steps."""
        sums, weights, most, least, last = tallies
        for name, weight in weights.items():
            self.mean(name, sums[name], weight)
        for name, value in most.items():
            self.most(name, value)
        for name, value in least.items():
            self.least(name, value)
        self._last |= last  # what is counted or kept is the whole step's in each process


def joined(collected: Iterable[Tallies]) -> Meter:
    """Return what several processes collected in the same steps."""
    meter = Meter()
    for tallies in collected:
        meter.join(tallies)
    return meter
