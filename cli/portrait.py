"""A portrait: the numbers of a run that a plot shows, as its log has them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simctl.agents.health.levels import Levels
from simctl.cli.checkup import checkup
from simctl.cli.errors import RunError, UserError
from simctl.cli.opening import open_current

EIGHTHS = 8  # parts of the scale of solve rates: eight attempts at a task are usual
_PREFERRED = "sampled"
_CURVE = """
SELECT suite || '/' || score_name AS name, spent_tokens, seconds, score FROM learning_curve
ORDER BY evaluated, name
"""
SOLVES = f"""
SELECT round, round(rate * {EIGHTHS})::INT AS eighths, count(*) AS tasks
FROM solves GROUP BY ALL ORDER BY round
"""  # noqa: S608 - a number of our own


@dataclass(frozen=True)
class Score:
    """A score on a held-out suite, and what it took to come to it."""

    tokens: float
    seconds: float
    score: float


@dataclass(frozen=True)
class Portrait:
    """A run as its plot shows it.

    `scores` are by suite/score; `courses` are the numbers of its health by name and round;
    `solves` counts, by round, the tasks of each solve rate in eighths, from never to always.
    """

    name: str
    scores: dict[str, list[Score]]
    courses: dict[str, dict[int, float]]
    solves: dict[int, list[int]]

    @property
    def rounds(self) -> int:
        """The last round that is known."""
        known = [*self.solves, *(last for course in self.courses.values() for last in course)]
        return max(known, default=0)


def portray(path: Path) -> Portrait:
    """Return the portrait of a run, live or not.

    Raises:
        RunError: nothing of it can be shown yet.
    """
    scores: dict[str, list[Score]] = defaultdict(list)
    with open_current(path) as log:
        for row in log.query(_CURVE).to_pylist():
            point = Score(row["spent_tokens"], row["seconds"], row["score"])
            scores[row["name"]].append(point)
        solves = counted(log.query(SOLVES).to_pylist())
        courses = dict(checkup(log, Levels()).courses)
    if not scores and not courses:
        raise RunError(f"run {path}: no policy was measured yet, and no round has ended")
    return Portrait(path.name, dict(scores), courses, solves)


def counted(rows: Iterable[dict[str, Any]]) -> dict[int, list[int]]:
    """Return by round how many tasks have each solve rate, from the rows of SOLVES."""
    solves: dict[int, list[int]] = {}
    for row in rows:
        counts = solves.setdefault(row["round"], [0] * (EIGHTHS + 1))
        counts[row["eighths"]] += row["tasks"]
    return solves


def chosen(portraits: Sequence[Portrait], asked: Sequence[str]) -> list[str]:
    """Return the scores to show: those asked for, else one of each suite.

    Of several runs it is one of the first suite that all of them were measured on.

    Raises:
        UserError: no run has a score that was asked for.
    """
    known = list(dict.fromkeys(name for each in portraits for name in each.scores))
    for name in asked:
        if name not in known:
            there = ", ".join(known) or "none"
            raise UserError(f"--metric {name}: no run here has that score; there are: {there}")
    if asked or not known:
        return list(asked)
    common = [name for name in known if all(name in each.scores for each in portraits)] or known
    suites: dict[str, str] = {}
    for name in common:
        suite, _, score = name.rpartition("/")
        if suite not in suites or score == _PREFERRED:
            suites[suite] = name
    found = list(suites.values())
    return found if len(portraits) == 1 else found[:1]


def smooth(values: Sequence[float], window: int) -> list[float]:
    """Return the mean of each value and those before it, of `window` values at most."""
    return [
        sum(values[max(0, at + 1 - window) : at + 1]) / min(window, at + 1)
        for at in range(len(values))
    ]


def binned(solves: dict[int, list[int]], columns: int) -> tuple[list[float], list[list[float]]]:
    """Return the edges of at most so many columns of rounds, and in each the share of each rate."""
    first, last = min(solves), max(solves)
    width = -(-(last - first + 1) // columns)
    starts = range(first, last + 1, width)
    shares: list[list[float]] = []
    for start in starts:
        within = [solves[at] for at in range(start, start + width) if at in solves]
        counts = [sum(each) for each in zip(*within, strict=True)] or [0] * (EIGHTHS + 1)
        shares.append([count / max(sum(counts), 1) for count in counts])
    return [start - 0.5 for start in starts] + [starts[-1] + width - 0.5], shares
