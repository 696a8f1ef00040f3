"""Likeness: how unlike a problem is to those that were posed before it."""

from collections.abc import Sequence

from simctl.agents.health.archive import tokens

LIMIT = 0.8  # PasoDoble: above this share of common tokens two questions are alike


def diversity(problem: str, recent: Sequence[str], limit: float = LIMIT) -> float:
    """Return the share of recent problems that are unlike this one; 1 where there are none.

    Two are alike when the Jaccard similarity of their sets of tokens is over `limit` (PasoDoble,
    2511.11881, over the last 100 questions).
    """
    if not recent:
        return 1.0
    own = frozenset(tokens(problem))
    return sum(_jaccard(own, frozenset(tokens(each))) <= limit for each in recent) / len(recent)


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    union = len(one | other)
    return len(one & other) / union if union else 1.0
