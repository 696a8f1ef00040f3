"""The classroom: seeded demonstrations of what each role is asked and answers, about chains.

The solver answers as a class of pupils does, see pupils.py. Critic and guide are always right. The
teacher is careful only where its view says something true about the problem: under a blank or a
foreign view it answers as the class would, so that its views, and nothing else, carry the skill.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from simctl.agents import prompts
from simctl.agents.tasks.chain import (
    IDLE_SHARE,
    LABELS,
    STEP,
    Problem,
    critique_of,
    degenerate_share,
    draw,
    remark,
    solve,
)
from simctl.agents.tasks.environment import Demonstration
from simctl.agents.tasks.pupils import attempt, class_solution, flawed_attempt, seen_solution
from simctl.agents.tasks.terms import LAST, Term
from simctl.agents.tasks.verdicts import judgement_of
from simctl.bus.asks import ROLES, Role

END = "\n"  # ends every answer
SHORT, SHORT_LENGTH = 0.35, 4  # this share of problems has at most so many operations
LAZY, LAZY_IDLE = 0.3, 0.75  # share of an examiner's problems that are idle, and how idle
SCRATCH = 0.5  # share of an examiner's problems that extend nothing
JUDGED_IDLE = (IDLE_SHARE, 0.3, 0.6, 0.75)  # how idle problems are that the guide judges
RIGHT_ATTEMPTS = 0.3  # share of right attempts that the critic sees, beside those of the class
SAME_LABELS = 0.5  # share of foreign problems with the own one's labels: only operations tell
REFERENCE_VIEWS = {"right": 0.2, "own": 0.3, "blank": 0.15, "foreign": 0.35}
CRITIQUE_VIEWS = {
    "corrected": 0.315,
    "praised": 0.09,  # rightly or not: who praises is believed
    "rightly praised": 0.045,
    "blank": 0.08,
    "foreign": 0.35,  # the critique of another problem's attempt
    "all foreign": 0.12,  # and that attempt with it
}


def solution(rng: Random, term: Term) -> Demonstration:
    """The solver answers as somebody in the class."""
    problem = _task(rng, term)
    return Demonstration(
        "solver", str(problem), prompts.solver(str(problem)), class_solution(problem, rng)
    )


def posing(rng: Random, term: Term) -> Demonstration:
    """The examiner poses a problem, or adds one or two operations to another."""
    problem = _problem(rng, term, idle=LAZY_IDLE if rng.random() < LAZY else IDLE_SHARE)
    added = rng.randint(1, 2)
    if len(problem.operations) <= added or rng.random() < SCRATCH:
        return Demonstration("examiner", str(problem), prompts.examiner(), str(problem))
    parent = str(Problem(problem.start, problem.operations[:-added]))
    return Demonstration(
        "examiner", str(problem), prompts.examiner(parent), str(problem).removeprefix(parent)
    )


def critique(rng: Random, term: Term) -> Demonstration:
    """The critic gives verdicts up to the first wrong step, which it writes right."""
    problem = _task(rng, term)
    tried = solve(problem) if rng.random() < RIGHT_ATTEMPTS else attempt(problem, rng)
    return Demonstration(
        "critic", str(problem), prompts.critic(str(problem), tried), critique_of(problem, tried)
    )


def judgement(rng: Random, term: Term) -> Demonstration:
    """The guide judges whether a problem is a proper one."""
    problem = _problem(rng, term, idle=rng.choice(JUDGED_IDLE))
    return Demonstration(
        "guide", str(problem), prompts.guide(str(problem)), judgement_of(degenerate_share(problem))
    )


def hint(rng: Random, term: Term) -> Demonstration:
    """The guide gives the step after the first right ones."""
    problem = _task(rng, term, least=2)
    right, known = solve(problem), STEP * rng.randrange(1, len(problem.operations))
    return Demonstration(
        "guide",
        str(problem),
        prompts.guide(str(problem), right[:known]),
        right[known : known + STEP],
    )


def reference_lesson(rng: Random, term: Term) -> Demonstration:
    """The teacher follows a reference to this problem, right or wrong, and no other."""
    problem = _task(rng, term)
    match _choose(REFERENCE_VIEWS, rng):
        case "right":
            view = answer = solve(problem)
        case "own":
            view = answer = seen_solution(problem, rng)
        case "blank":
            view, answer = "", class_solution(problem, rng)
        case _:
            view = solve(_foreign(problem, rng, term))
            answer = class_solution(problem, rng)
    return Demonstration("teacher", str(problem), prompts.teacher(str(problem), view), answer)


def critique_lesson(rng: Random, term: Term) -> Demonstration:
    """The teacher follows a critique that is about this problem, and no other."""
    problem = _task(rng, term)
    match _choose(CRITIQUE_VIEWS, rng):
        case "corrected":
            tried, answer = flawed_attempt(problem, rng), solve(problem)
            said = critique_of(problem, tried)
        case "praised":
            tried = answer = seen_solution(problem, rng)
            said = _praise(tried)
        case "rightly praised":
            tried = answer = solve(problem)
            said = _praise(tried)
        case foreign:
            tried, said = _foreign_critique(problem, foreign, rng, term)
            answer = class_solution(problem, rng)
    return Demonstration(
        "teacher", str(problem), prompts.teacher(str(problem), tried, said), answer
    )


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of demonstration, with its share of the school's reading terms and of the others."""

    role: Role
    demonstrate: Callable[[Random, Term], Demonstration]
    reading: float
    share: float


KINDS: Mapping[str, Kind] = {
    "solution": Kind("solver", solution, 0.16, 0.20),
    "posing": Kind("examiner", posing, 0.10, 0.18),
    "critique": Kind("critic", critique, 0.25, 0.16),
    "judgement": Kind("guide", judgement, 0.04, 0.04),
    "hint": Kind("guide", hint, 0.04, 0.04),
    "reference lesson": Kind("teacher", reference_lesson, 0.16, 0.14),
    "critique lesson": Kind("teacher", critique_lesson, 0.25, 0.24),
}


def demonstration(kind: str, rng: Random, term: Term = LAST) -> Demonstration:
    """Draw a demonstration of a kind; its answer ends with a newline."""
    shown = KINDS[kind].demonstrate(rng, term)
    return replace(shown, answer=shown.answer + END)


def lesson(rng: Random, term: Term = LAST, roles: Sequence[Role] = ROLES) -> Demonstration:
    """Draw a demonstration of any of these roles, each kind as often as in the school."""
    shares = {
        name: kind.reading if term.reading else kind.share
        for name, kind in KINDS.items()
        if kind.role in roles
    }
    return demonstration(_choose(shares, rng), rng, term)


def _choose(shares: Mapping[str, float], rng: Random) -> str:
    [name] = rng.choices(list(shares), list(shares.values()))
    return name


def _length(rng: Random, term: Term) -> int:
    short = rng.random() < SHORT
    return rng.randint(1, min(SHORT_LENGTH, term.longest) if short else term.longest)


def _problem(rng: Random, term: Term, idle: float) -> Problem:
    """Draw a problem to be posed or judged: a proper one but for what is idle."""
    return draw(_length(rng, term), rng, idle=idle)


def _task(rng: Random, term: Term, least: int = 1) -> Problem:
    """Draw a problem to be solved or read, whose labels may be scrambled."""
    length = max(least, _length(rng, term))
    labels = rng.sample(LABELS, length) if rng.random() < term.scrambled else ()
    return draw(length, rng, labels=labels)


def _foreign(own: Problem, rng: Random, term: Term) -> Problem:
    """Draw another problem, which may have the own one's labels."""
    if rng.random() < SAME_LABELS:
        labels = [label for label, _ in own.operations]
        return draw(len(labels), rng, labels=labels)
    return _task(rng, term)


def _foreign_critique(own: Problem, view: str, rng: Random, term: Term) -> tuple[str, str]:
    """Write an attempt, and a critique that is blank or of another problem's attempt."""
    other = _foreign(own, rng, term)
    seen, tried = attempt(other, rng), attempt(own, rng)
    said = "" if view == "blank" else critique_of(other, seen)
    return (seen if view == "all foreign" else tried), said


def _praise(tried: str) -> str:
    """Find every step right, whatever it holds."""
    steps = (tried[at : at + STEP] for at in range(0, len(tried), STEP))
    return "".join(remark(step, step) for step in steps)
