"""Answering: what a solver's answer is worth to it."""

from pydantic import Field

from simctl.bus.values import Value

PARTIAL = 0.5  # of what the published text calls beta, and says only that it is below 1


class Answered(Value):
    """What was found out about an answer; `correct` may be a vote's verdict."""

    correct: bool
    formed: bool = Field(default=True, description="whether it could be read at all")
    coverage: float = Field(
        default=0.0, ge=0, le=1, description="share of the path's waypoints that it touches"
    )


def correct(a: Answered) -> float:
    """1 for a right answer, else 0: SGS, SOAR, STaR and most others."""
    return float(a.correct)


def progress(a: Answered) -> float:
    """The share that the verifier gives; what reward functions gave, cut to [0, 1] (TRL's)."""
    return a.coverage


def signed(a: Answered) -> float:
    """+1 for a right answer, else -1 (Agent0's executor, 2511.16043; S2R's outcome)."""
    return 1.0 if a.correct else -1.0


def r_zero(a: Answered) -> float:
    """0.9 for a right answer and 0.1 for a well-formed one (R-Zero, 2508.05004, code)."""
    return 0.9 * a.correct + 0.1 * a.formed


def azr(a: Answered) -> float:
    """1 for a right answer, -0.5 for a well-formed wrong one, else -1 (Absolute Zero)."""
    if a.correct:
        return 1.0
    return -0.5 if a.formed else -1.0


def wcr(a: Answered) -> float:
    """1 for a right answer, else half the share of the path that it covers (WCR, 2605.05702).

    The published text has no formula: beta * |touched and path| / |path| with beta < 1, and the
    answer itself no part of the path, is the safe form.
    """
    return 1.0 if a.correct else PARTIAL * a.coverage
