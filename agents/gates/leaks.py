"""G4, no leaks: what a society rehearses beside its own tokens does not teach the solver."""

from simctl.agents.gates.exam import Exam
from simctl.agents.gates.gate import Gate
from simctl.agents.gates.solver import LENGTH, scores

MOVED = 0.05  # most that rehearsal may move the solver
_ATTEMPTS = 4


async def skill(exam: Exam) -> float:
    """Return the solver's sampled accuracy, as a leak would move it."""
    return (await scores(exam, LENGTH, _ATTEMPTS))["sampled"]


def leak(rehearsed: str, before: float, after: float) -> Gate:
    """Compare the solver before and after a rehearsal."""
    return Gate(
        group="G4",
        name=f"solver moved by rehearsing {rehearsed}",
        value=round(abs(after - before), 6),
        most=MOVED,
        detail=f"{LENGTH} operations, sampled: {before:.2f} to {after:.2f}",
    )
