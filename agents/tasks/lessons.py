"""Lessons: how the roles answer about a family that was never taught, drawn from its verifier.

They are right, all of them: a warm start, not a class with habits as chains have.
"""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Protocol, TypeVar

from simctl.agents import prompts
from simctl.agents.tasks.environment import Checked, Demonstration, TaskError
from simctl.bus.asks import ROLES, Role

END = "\n"  # ends every answer
SHARES: Mapping[Role, float] = {
    "solver": 0.4,
    "examiner": 0.1,
    "critic": 0.15,
    "guide": 0.15,
    "teacher": 0.2,
}
RIGHT_ATTEMPTS = 0.5  # share of right attempts that the critic sees
CRITIQUE_VIEWS = 0.5  # share of the teacher's views that are an attempt and its critique
JUDGEMENTS, IDLE_SHARE = 0.5, 0.5  # of the guide's questions; of the problems that it judges

P = TypeVar("P")


class Taught(Protocol[P]):
    """What lessons need of a family with problems of type P."""

    def sample(self, difficulty: int, rng: Random, *, idle: bool = False) -> P:
        """Draw a problem, with `idle` one that leaves little to work out."""
        ...

    def facts(self, problem: P) -> Checked:
        """Return what is known of a problem."""
        ...

    def flaw(self, problem: P, rng: Random) -> str:
        """Write an attempt that is wrong."""
        ...

    def critique_of(self, problem: P, attempt: str) -> str:
        """Write the right critique."""
        ...

    def judgement_of(self, problem: P) -> str:
        """Return the right judgement."""
        ...

    def steps(self, attempt: str) -> list[str]:
        """Cut a solution into steps."""
        ...


def lesson(family: Taught[P], rng: Random, roles: Sequence[Role], hardest: int) -> Demonstration:
    """Draw a demonstration of one of these roles; every difficulty is equally likely.

    Raises:
        TaskError: there are no roles.
    """
    wanted: list[Role] = [role for role in ROLES if role in roles]
    if not wanted:
        raise TaskError("there is no role whose demonstrations could be shown; name one")
    [role] = rng.choices(wanted, [SHARES[role] for role in wanted])
    problem, prompt, answer = _LESSONS[role](family, rng, rng.randint(1, hardest))
    return Demonstration(role, problem, prompt, answer + END)


Lesson = tuple[str, str, str]  # problem, prompt, answer


def _solution(family: Taught[P], rng: Random, difficulty: int) -> Lesson:
    problem = family.sample(difficulty, rng)
    return str(problem), prompts.solver(str(problem)), family.facts(problem).reference


def _posing(family: Taught[P], rng: Random, difficulty: int) -> Lesson:
    problem = str(family.sample(difficulty, rng))
    return problem, prompts.examiner(), problem


def _critique(family: Taught[P], rng: Random, difficulty: int) -> Lesson:
    problem = family.sample(difficulty, rng)
    right = rng.random() < RIGHT_ATTEMPTS
    tried = family.facts(problem).reference if right else family.flaw(problem, rng)
    prompt = prompts.critic(str(problem), tried)
    return str(problem), prompt, family.critique_of(problem, tried)


def _guidance(family: Taught[P], rng: Random, difficulty: int) -> Lesson:
    if rng.random() < JUDGEMENTS:
        judged = family.sample(difficulty, rng, idle=rng.random() < IDLE_SHARE)
        return str(judged), prompts.guide(str(judged)), family.judgement_of(judged)
    problem = family.sample(difficulty, rng)
    steps = family.steps(family.facts(problem).reference)
    known = rng.randrange(min(1, len(steps) - 1), len(steps))
    partial = "".join(steps[:known])
    if not partial:  # what is asked without a step to follow is the judgement
        return str(problem), prompts.guide(str(problem)), family.judgement_of(problem)
    return str(problem), prompts.guide(str(problem), partial), steps[known].rstrip(END)


def _lesson(family: Taught[P], rng: Random, difficulty: int) -> Lesson:
    problem = family.sample(difficulty, rng)
    reference = family.facts(problem).reference
    view = [reference]
    if rng.random() < CRITIQUE_VIEWS:
        tried = family.flaw(problem, rng)
        view = [tried, family.critique_of(problem, tried)]
    return str(problem), prompts.teacher(str(problem), *view), reference


_LESSONS: Mapping[Role, Callable[..., Lesson]] = {
    "solver": _solution,
    "examiner": _posing,
    "critic": _critique,
    "guide": _guidance,
    "teacher": _lesson,
}
