"""Shapes: the curves over a solve rate s in [0, 1] that rewards and curricula share."""

from math import exp, sqrt


def quadratic(s: float, left: float = 0.0, right: float = 1.0) -> float:
    """4 (left + s) (right - s), the second form of SSP (2510.18821)."""
    return 4.0 * (left + s) * (right - s)


def nearer(s: float) -> float:
    """min(s, 1 - s): the distance to the nearer end (R-Zero's code)."""
    return min(s, 1.0 - s)


def gaussian(s: float, centre: float = 0.5, width: float = 0.2) -> float:
    """exp(-(s - centre)^2 / (2 width^2)) (Socratic-Zero, 2509.24726)."""
    return exp(-((s - centre) ** 2) / (2.0 * width**2))


def tent(s: float, peak: float) -> float:
    """Rise from 0 at s = 0 to 1 at the peak, and fall to 0 at s = 1, both in a straight line."""
    return min(s / peak, (1.0 - s) / (1.0 - peak))


def expected_advantage(s: float) -> float:
    """2 sqrt(s (1 - s)): the mean |advantage| of a group of 0/1 rewards over their deviation."""
    return 2.0 * sqrt(s * (1.0 - s))
