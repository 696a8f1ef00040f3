"""G2, the critic works: it finds and mends the first wrong step, and lets right ones be."""

from collections.abc import Sequence

from simctl.agents import prompts
from simctl.agents.gates.exam import Exam, share
from simctl.agents.gates.gate import Gate
from simctl.agents.tasks.chain import STEP, Problem, critique_of, solve
from simctl.agents.tasks.verdicts import RIGHT, WRONG

LENGTHS = range(4, 11)
FOUND, ALARMS = 0.80, 0.05
_SHORT = (4,)  # where right attempts are less rare
_ROUNDS = 6

Attempt = tuple[Problem, str]


async def measure(exam: Exam) -> list[Gate]:
    """Let the policy criticise its own sampled attempts."""
    wrong, right = await _attempts(exam)
    on_wrong, on_right = await _criticise(exam, wrong), await _criticise(exam, right)
    found = [
        _finding(said) == _finding(critique_of(*attempt))
        for said, attempt in zip(on_wrong, wrong, strict=True)
    ]
    alarms = [WRONG in said for said in on_right]
    return [
        Gate(
            group="G2",
            name="first wrong step found and mended",
            value=share(found),
            least=FOUND,
            detail=f"{len(wrong)} own wrong attempts",
        ),
        Gate(
            group="G2",
            name="false alarms",
            value=share(alarms),
            most=ALARMS,
            detail=f"{len(right)} own right attempts",
        ),
    ]


async def _attempts(exam: Exam) -> tuple[list[Attempt], list[Attempt]]:
    """Sample until there are enough wrong and right attempts, or it has gone on for long."""
    wrong, right, enough = list[Attempt](), list[Attempt](), exam.questions
    for at in range(_ROUNDS):
        problems = exam.problems(f"critic {at}", _SHORT if at >= _ROUNDS // 2 else LENGTHS)
        attempts = await exam.attempts(problems, f"critic {at}")
        for problem, attempt in zip(problems, attempts, strict=True):
            (right if attempt == solve(problem) else wrong).append((problem, attempt))
        if len(wrong) >= enough and len(right) >= enough // 2:
            break
    return wrong[:enough], right[: enough // 2]


async def _criticise(exam: Exam, attempts: Sequence[Attempt]) -> list[str]:
    return await exam.greedy([prompts.critic(str(problem), text) for problem, text in attempts])


def _finding(critique: str) -> tuple[int, bool, str]:
    """Return how many steps are right, whether one is wrong, and what it should be."""
    *_, last = critique.split(RIGHT)
    return critique.count(RIGHT), WRONG in last, last[:STEP]
