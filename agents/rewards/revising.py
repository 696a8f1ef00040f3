"""Revising: what a second answer is worth, given the first."""

from pydantic import Field

from simctl.bus.values import Value


class Revised(Value):
    """What a first answer and its revision earned by themselves, 0 or 1 each (or a share)."""

    first: float
    second: float
    bonus: float = Field(default=10.0, ge=0, description="SCoRe's alpha")


def correct(r: Revised) -> float:
    """What the revision earned by itself."""
    return r.second


def gain(r: Revised) -> float:
    """The gain of the revision: also what a critique is worth that led to it (RLTF, CTRL)."""
    return r.second - r.first


def score(r: Revised) -> float:
    """r2 + alpha (r2 - r1), alpha 10: to make right pays, to make wrong costs (SCoRe, O18)."""
    return r.second + r.bonus * (r.second - r.first)


def recovered(r: Revised) -> float:
    """1 if the first failed and the second passed, else 0 (Reflect-Retry-Reward, O20)."""
    return float(r.first < 1.0 <= r.second)


def s2r(r: Revised) -> float:
    """+1 if right, else -1; twice that where the revision flipped it (S2R, 2502.12853, O19)."""
    sign = 1.0 if r.second >= 1.0 else -1.0
    flipped = (r.first >= 1.0) != (r.second >= 1.0)
    return 2.0 * sign if flipped else sign
