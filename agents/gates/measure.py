"""All gates that asking a policy can measure, in the order of the design."""

from simctl.agents.gates import critic, others, solver, views
from simctl.agents.gates.exam import Exam
from simctl.agents.gates.gate import Gate


async def measure(exam: Exam) -> list[Gate]:
    """Measure views, critic, solver and the other roles."""
    return [
        *await views.measure(exam),
        *await critic.measure(exam),
        *await solver.measure(exam),
        *await others.measure(exam),
    ]
