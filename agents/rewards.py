"""Role rewards: pure functions of what the environment measured."""

from collections.abc import Callable
from typing import Literal

TaskReward = Literal["frontier", "solvability"]


def frontier(solve_rate: float) -> float:
    """4 s (1 - s): highest for problems that are solved half of the time (SSP's quadratic form)."""
    return 4.0 * solve_rate * (1.0 - solve_rate)


def solvability(solve_rate: float) -> float:
    """The solve rate s itself: pays for easy problems, and collapses; kept as a control."""
    return solve_rate


TASK_REWARDS: dict[TaskReward, Callable[[float], float]] = {
    "frontier": frontier,
    "solvability": solvability,
}
