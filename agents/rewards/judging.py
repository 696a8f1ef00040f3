"""Judging: what a verdict is worth to the critic, and the guide's score of a problem."""

from simctl.bus.values import Value

BEST_GUIDE_SCORE = 8  # 5 for relevance, 2 for a simple conclusion, 1 for not being redundant
_TOO_COMPLEX = 3


class Judged(Value):
    """A verdict on an answer, and the truth: whether it is right."""

    verdict: bool
    truth: bool


def right(j: Judged) -> float:
    """1 for the right verdict, else 0."""
    return float(j.verdict == j.truth)


def spc(j: Judged) -> float:
    """+1 for the right verdict, else -1 (SPC's critic, 2504.19162)."""
    return 1.0 if j.verdict == j.truth else -1.0


def s2r(j: Judged) -> float:
    """+1 or -1 by the verdict, twice that where the answer is right (S2R, 2502.12853, O19)."""
    return spc(j) * (2.0 if j.truth else 1.0)


def guide_score(relevance: int, redundancy: int, complexity: int) -> int:
    """Return the guide's score of a conjecture, 0 to 8 (SGS, 2604.20209, eq. 3).

    0 where the conclusion's complexity (0 to 4) is 3 or more, else
    relevance (0 to 5) + (2 - complexity) + (1 - redundancy), redundancy being 0 or 1.
    """
    if complexity >= _TOO_COMPLEX:
        return 0
    return max(0, relevance + (2 - complexity) + (1 - redundancy))
