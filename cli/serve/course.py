"""The course of a run: what its page draws, each thinned to what a chart can show."""

from collections.abc import Iterable
from typing import Any

from simctl.cli.cut import Log
from simctl.cli.portrait import SOLVES, counted

MOST = 400  # points of a curve: a chart has no more columns to draw them in
_CURVES = """
SELECT suite || '/' || score_name AS name, version, evaluated AS seq, spent_tokens AS tokens,
    seconds, score FROM learning_curve ORDER BY evaluated, name
"""
_NUMBERS = """
SELECT metric AS name, (round - 1) // {width} * {width} + 1 AS round, avg(value) AS value
FROM health WHERE regexp_matches(metric, '{shown}') GROUP BY ALL ORDER BY ALL
"""
_SHOWN = (
    "^(reward|entropy|completions|groups)/[a-z]+(/mean|/mean_length)?$|^solve_rate/mean$"
    "|^tasks/(distinct|valid|difficulty|length)$|^duplicates/archive$"
)
_LAST = "SELECT coalesce(max(round), 0) AS last FROM round_started"
_ROUNDS = """
SELECT round, max(seq) FILTER (kind = 'round_started') AS started,
    max(seq) FILTER (kind = 'round_ended') AS ended
FROM events WHERE kind IN ('round_started', 'round_ended') GROUP BY round ORDER BY round
"""
_UPDATES = "SELECT round AS version, seq FROM events WHERE kind = 'policy_updated' ORDER BY seq"


def rounds(log: Log) -> dict[str, Any]:
    """Return between which events the rounds stand, and where the versions were announced."""
    asked = {"rounds": _ROUNDS, "versions": _UPDATES}
    return {name: _columns(log.query(sql).to_pylist()) for name, sql in asked.items()}


def curves(log: Log) -> dict[str, Any]:
    """Return the held-out scores by suite/score, and what it took to come to each."""
    return _series(log.query(_CURVES).to_pylist())


def numbers(log: Log) -> dict[str, Any]:
    """Return the numbers of the health by name; means of rounds where there are very many."""
    sql = _NUMBERS.format(width=_width(log), shown=_SHOWN)
    return _series(log.query(sql).to_pylist())


def solves(log: Log) -> dict[str, list[Any]]:
    """Return the first round of each bin, and how many of its tasks have each solve rate."""
    width = _width(log)
    bins: dict[int, list[int]] = {}
    for round_, counts in counted(log.query(SOLVES).to_pylist()).items():
        first = (round_ - 1) // width * width + 1
        kept = bins.setdefault(first, [0] * len(counts))
        bins[first] = [a + b for a, b in zip(kept, counts, strict=True)]
    return {"round": list(bins), "counts": list(bins.values())}


def _width(log: Log) -> int:
    """Return how many rounds a chart shows as one."""
    [row] = log.query(_LAST).to_pylist()
    return -(-row["last"] // MOST) or 1


def _series(rows: Iterable[dict[str, Any]]) -> dict[str, dict[str, list[Any]]]:
    """Return the rows of each name as columns, with so many of them that a chart can show."""
    named: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        named.setdefault(row.pop("name"), []).append(row)
    return {name: _columns(_thinned(each)) for name, each in named.items()}


def _thinned(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    step = -(-len(rows) // MOST)
    return [row for at, row in enumerate(rows) if at % step == 0 or at == len(rows) - 1]


def _columns(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}
