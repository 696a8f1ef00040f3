"""G3 and G5, a latent skill: seldom shown, within reach of sampling, and not beyond the school."""

from simctl.agents.evaluation import Suite, evaluate
from simctl.agents.gates.exam import Exam
from simctl.agents.gates.gate import Gate
from simctl.agents.tasks.chain import ChainTasks

LENGTH, BEYOND = 10, 12  # operations: the longest that was shown, and never shown
GREEDY, SAMPLED, REACHED = 0.40, 0.10, 0.25
SAMPLED_BEYOND = 0.05
_ATTEMPTS, _ATTEMPTS_BEYOND = 16, 4


async def scores(exam: Exam, length: int, attempts: int) -> dict[str, float]:
    """Return the solver's scores on held-out problems."""
    suite = Suite(name="exam", difficulty=length, problems=exam.questions, attempts=attempts)
    return (await evaluate(suite, ChainTasks({}), exam.sampler, 0)).scores


async def measure(exam: Exam) -> list[Gate]:
    """Measure the solver at the longest problems that were shown, and beyond them."""
    known = await scores(exam, LENGTH, _ATTEMPTS)
    beyond = await scores(exam, BEYOND, _ATTEMPTS_BEYOND)
    reached = known[f"pass@{_ATTEMPTS}"]
    told = f"pass@{_ATTEMPTS_BEYOND} {beyond[f'pass@{_ATTEMPTS_BEYOND}']:.2f}"
    name = f"{LENGTH} operations"
    return [
        Gate(
            group="G3",
            name=f"{BEYOND} operations, sampled",
            value=beyond["sampled"],
            most=SAMPLED_BEYOND,
            detail=told,
        ),
        Gate(group="G5", name=f"{name}, greedy", value=known["greedy"], most=GREEDY),
        Gate(group="G5", name=f"{name}, sampled", value=known["sampled"], most=SAMPLED),
        Gate(group="G5", name=f"{name}, pass@{_ATTEMPTS}", value=reached, least=REACHED),
    ]
