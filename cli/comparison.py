"""A comparison: arms over the same seeds at one budget, as numbers and as a table."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from simctl.cli.arms import Arm
from simctl.cli.curves import Curve
from simctl.cli.figures import count
from simctl.cli.paired import Interval, differences, interval
from simctl.cli.results import Result, curve


@dataclass(frozen=True)
class Comparison:
    """What arms came to. The first arm is what the others are compared with.

    `results` has the runs that finished, by arm and seed; `tokens` is the budget.
    """

    arms: tuple[Arm, ...]
    tokens: int
    metrics: tuple[str, ...]
    results: Mapping[str, Mapping[int, Result]]

    def curves(self, arm: str, metric: str) -> dict[int, Curve]:
        """Return the curves of an arm by seed.

        Raises:
            UserError: the metric was not measured.
        """
        return {seed: curve(result, metric) for seed, result in self.results[arm].items()}

    def scores(self, arm: str, metric: str) -> dict[int, float]:
        """Return the scores of an arm at the budget, by seed."""
        return {s: each.at(self.tokens) for s, each in self.curves(arm, metric).items()}

    def areas(self, arm: str, metric: str) -> dict[int, float]:
        """Return the areas under the curves of an arm up to the budget, by seed."""
        return {s: each.area(self.tokens) for s, each in self.curves(arm, metric).items()}

    def difference(self, arm: str, metric: str) -> Interval | None:
        """Return by how much an arm differs from the first, at the budget."""
        first = self.arms[0].name
        return interval(differences(self.scores(arm, metric), self.scores(first, metric)))

    def short(self) -> list[str]:
        """Return a sentence for each run that ended before it had spent the budget."""
        return [
            f"{arm} seed {seed} ended at {count(spent)} of {count(self.tokens)} tokens"
            for arm, results in self.results.items()
            for seed, result in results.items()
            if (spent := result.sampled_tokens + result.teacher_tokens) < self.tokens
        ]


def rows(comparison: Comparison) -> list[dict[str, Any]]:
    """Return one row an arm and metric, with numbers as they are."""
    return [_row(comparison, arm.name, metric) for arm, metric in _places(comparison)]


def shown(comparison: Comparison) -> list[dict[str, str]]:
    """Return one row an arm for people: medians over the seeds with the range."""
    return [_shown(comparison, arm.name) for arm in comparison.arms]


def shown_differences(comparison: Comparison) -> list[dict[str, str]]:
    """Return one row an arm but the first: mean differences with their intervals."""
    first = comparison.arms[0].name
    return [
        {f"difference from {first}": arm.name}
        | {metric: told(comparison.difference(arm.name, metric)) for metric in comparison.metrics}
        for arm in comparison.arms[1:]
    ]


def told(found: Interval | None) -> str:
    """Return a difference with its interval in words."""
    if found is None:
        return "-"
    if found.low is None or found.high is None:
        return f"{found.mean:+.3f} (one seed: no interval)"
    return f"{found.mean:+.3f} {bounds(found)}, {found.pairs} seeds"


def bounds(found: Interval | None) -> str:
    """Return an interval in brackets."""
    if found is None or found.low is None or found.high is None:
        return "-"
    return f"[{found.low:+.3f}, {found.high:+.3f}]"


def spread(values: Sequence[float], write: Callable[[float], str] = "{:.2f}".format) -> str:
    """Return the median of some values, with the range if there is one."""
    if not values:
        return "-"
    low, middle, high = (write(each) for each in (min(values), median(values), max(values)))
    return middle if low == high else f"{middle} ({low}-{high})"


def _places(comparison: Comparison) -> Iterator[tuple[Arm, str]]:
    return ((arm, metric) for arm in comparison.arms for metric in comparison.metrics)


def _row(comparison: Comparison, arm: str, metric: str) -> dict[str, Any]:
    scores, results = comparison.scores(arm, metric), comparison.results[arm].values()
    areas = list(comparison.areas(arm, metric).values())
    other = comparison.difference(arm, metric) if arm != comparison.arms[0].name else None
    return {
        "arm": arm,
        "metric": metric,
        "budget": comparison.tokens,
        "seeds": list(scores),
        "scores": list(scores.values()),
        "median": _median(scores.values()),
        "low": min(scores.values(), default=None),
        "high": max(scores.values(), default=None),
        "area": _median(areas),
        "difference": other and other.mean,
        "difference_low": other and other.low,
        "difference_high": other and other.high,
        "pairs": other and other.pairs,
        "sampled_tokens": _median(each.sampled_tokens for each in results),
        "teacher_tokens": _median(each.teacher_tokens for each in results),
        "minutes": _median(each.minutes for each in results),
    }


def _shown(comparison: Comparison, arm: str) -> dict[str, str]:
    results, main = list(comparison.results[arm].values()), comparison.metrics[0]
    return {
        "arm": arm,
        "seeds": str(len(results)),
        **{
            metric: spread(list(comparison.scores(arm, metric).values()))
            for metric in comparison.metrics
        },
        f"area, {main}": spread(list(comparison.areas(arm, main).values())),
        "sampled": spread([each.sampled_tokens for each in results], count),
        "teacher": spread([each.teacher_tokens for each in results], count),
        "minutes": spread([each.minutes for each in results], "{:.1f}".format),
    }


def _median(values: Iterable[float]) -> float | None:
    found = list(values)
    return median(found) if found else None
