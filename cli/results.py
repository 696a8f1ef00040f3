"""Results: what the log of a finished run says of its scores and its costs."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from simctl.cli.curves import Curve
from simctl.cli.errors import UserError
from simctl.cli.keys import nearest
from simctl.store.access import open_log
from simctl.store.errors import QueryError

_SCORES = """
SELECT suite || '/' || score_name AS metric, max(spent_tokens) AS tokens,
    arg_max(score, evaluated) AS score
FROM learning_curve GROUP BY metric, version ORDER BY metric, version
"""
_COSTS = """
SELECT coalesce(sum(sampled_tokens), 0)::BIGINT AS sampled,
    coalesce(sum(teacher_tokens), 0)::BIGINT AS teacher,
    (SELECT (max(wall_us) - min(wall_us)) / 6e7 FROM events) AS minutes
FROM spending
"""


@dataclass(frozen=True)
class Result:
    """One run: its curves by the name of the metric, and what it cost.

    A metric is named SUITE/SCORE. `minutes` are from the first event to the last.
    """

    curves: dict[str, Curve]
    sampled_tokens: int
    teacher_tokens: int
    minutes: float


def read(run_dir: Path, asked: dict[str, str] | None = None) -> Result:
    """Return what a run came to, with further curves that `asked` has SQL for, by name.

    Such SQL gives rows of `tokens` (spent by then) and `score`.

    Raises:
        UserError: the SQL gives something else.
        QueryError: the SQL is wrong.
    """
    points: dict[str, list[tuple[float, float]]] = defaultdict(list)
    with open_log(run_dir) as log:
        for row in log.query(_SCORES).to_pylist():
            points[row["metric"]].append((row["tokens"], row["score"]))
        [costs] = log.query(_COSTS).to_pylist()
        for name, sql in (asked or {}).items():
            try:
                rows = log.query(sql).to_pylist()
                points[name] = [(float(row["tokens"]), float(row["score"])) for row in rows]
            except (KeyError, TypeError, ValueError) as error:
                raise UserError(f"{name}: the SQL must give numbers tokens and score") from error
            except QueryError as error:
                raise QueryError(f"{name}: {error}") from error
            if not rows:
                raise UserError(f"{name}: the SQL gives no row of {run_dir}")
    return Result(
        {name: Curve.of(each) for name, each in points.items()},
        costs["sampled"],
        costs["teacher"],
        costs["minutes"],
    )


def curve(result: Result, metric: str) -> Curve:
    """Return a run's curve of a metric.

    Raises:
        UserError: it was not measured.
    """
    if metric not in result.curves:
        there = ", ".join(nearest(metric, sorted(result.curves)))
        raise UserError(f"there is no metric {metric}; there are: {there}")
    return result.curves[metric]
