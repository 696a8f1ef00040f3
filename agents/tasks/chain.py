"""Chains: one-digit operations modulo 10, from left to right, each with a label.

Problem `7k+5l*3m-4` reads ((7+5)*3-4) mod 10. Its solution derives every value beside its label,
`k+5=2l*3=6m-4=2`, so that each step is local. Labels are consecutive letters, cyclic from a random
one. Difficulty is the number of operations.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from random import Random

from simctl.agents.tasks.environment import Checked, Grade
from simctl.agents.tasks.verdicts import (
    RIGHT,
    WRONG,
    critique_grade,
    judgement_grade,
    judgement_of,
)
from simctl.bus.dice import dice

LABELS = "abcdefghijklmnopqrstuvwxyz"
MAX_OPERATIONS = len(LABELS)
STEP = 5  # characters of a solved step: label, operator, digit, =, value
_PATIENCE = 1000  # draws before a difficulty counts as held out altogether
_TARGET_SEED = 20_260_101  # the held-out problems belong to the family, not to a run
_PROBLEM = re.compile(r"([0-9])((?:[a-z][+\-*][0-9])+)")
_DERIVATION = re.compile(r"(?:[a-z][+\-*][0-9]=[0-9])+")
IDLE = ("+0", "-0", "*0", "*1")  # operations that leave nothing to work out
_OPERATIONS = tuple(sign + digit for sign in "+-*" for digit in "0123456789")
_PROPER = tuple(each for each in _OPERATIONS if each not in IDLE)
IDLE_SHARE = 0.08  # of the operations of a problem that is drawn


@dataclass(frozen=True)
class Problem:
    """A start digit and labelled operations, such as ("k", "+5")."""

    start: int
    operations: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        """The problem as it is posed."""
        return f"{self.start}" + "".join(label + op for label, op in self.operations)


def parse(text: str) -> Problem | None:
    """Read a problem, or return None when the text is none."""
    match = _PROBLEM.fullmatch(text)
    if match is None:
        return None
    body = match[2]
    steps = (body[at : at + 3] for at in range(0, len(body), 3))
    return Problem(int(match[1]), tuple((step[0], step[1:]) for step in steps))


def next_label(label: str) -> str:
    """Return the letter after `label`, cyclic."""
    return LABELS[(LABELS.index(label) + 1) % len(LABELS)]


def apply(value: int, operation: str) -> int:
    """Work out one operation modulo 10."""
    digit = int(operation[1])
    match operation[0]:
        case "+":
            return (value + digit) % 10
        case "-":
            return (value - digit) % 10
        case _:
            return (value * digit) % 10


def solve(problem: Problem) -> str:
    """Derive the solution, step by step."""
    value, steps = problem.start, []
    for label, operation in problem.operations:
        value = apply(value, operation)
        steps.append(f"{label}{operation}={value}")
    return "".join(steps)


def degenerate_share(problem: Problem) -> float:
    """Return the share of operations that leave nothing to work out (+0, -0, *0, *1)."""
    idle = sum(operation in IDLE for _, operation in problem.operations)
    return idle / len(problem.operations)


def signature(problem: Problem) -> str:
    """Return the problem without its labels: renamed problems are the same problem."""
    return f"{problem.start}" + "".join(operation for _, operation in problem.operations)


def draw(
    operations: int, rng: Random, *, idle: float = IDLE_SHARE, labels: Sequence[str] = ()
) -> Problem:
    """Draw a problem in which an operation is idle with the given probability.

    Unless labels are given, they follow each other from a random letter.
    """
    named = labels or _consecutive(rng.choice(LABELS), operations)
    drawn = ((label, rng.choice(IDLE if rng.random() < idle else _PROPER)) for label in named)
    steps = tuple(drawn)
    return Problem(rng.randrange(10), steps)


def _consecutive(first: str, count: int) -> str:
    start = LABELS.index(first)
    return (LABELS * 2)[start : start + count]


def critique_of(problem: Problem, attempt: str) -> str:
    """Write the right critique: each step derived anew, the attempt's value quoted, and a verdict.

    `k+5=2=2.l*3=6=9!` for an attempt that wrote `k+5=2l*3=9`: it ends with the first wrong step.
    Nothing is quoted where the attempt has another operation or none, and a lone `!` stands
    where it should have ended.
    """
    reference = solve(problem)
    written: list[str] = []
    for at in range(0, len(reference), STEP):
        step, right = attempt[at : at + STEP], reference[at : at + STEP]
        written.append(remark(right, step))
        if step != right:
            return "".join(written)
    return "".join(written) + (WRONG if len(attempt) > len(reference) else "")


def remark(right: str, step: str) -> str:
    """Write what a critique says of one step of an attempt."""
    operation = STEP - 2  # characters before the value
    quoted = step[operation:] if step[:operation] == right[:operation] else ""
    return right + quoted + (RIGHT if step == right else WRONG)


def first_wrong(problem: Problem, attempt: str) -> int | None:
    """Return the index of the first wrong, missing or surplus step; None when all are right."""
    written = critique_of(problem, attempt)
    return written.count(RIGHT) if WRONG in written else None


@lru_cache
def _targets(operations: int, count: int) -> tuple[str, ...]:
    rng = dice(_TARGET_SEED, "chain targets", operations)
    return tuple(str(draw(operations, rng)) for _ in range(count))


@lru_cache
def _signatures(operations: int, count: int) -> frozenset[str]:
    problems = (parse(text) for text in _targets(operations, count))
    return frozenset(signature(problem) for problem in problems if problem is not None)


class ChainTasks:
    """The family of chains. Problems of `held_out` difficulties that are targets never pass."""

    def __init__(self, held_out: dict[int, int], max_operations: int = MAX_OPERATIONS) -> None:
        """Keep `held_out[d]` target problems of each difficulty d out of the society."""
        self._max_operations = min(max_operations, MAX_OPERATIONS)
        kept = (_signatures(difficulty, count) for difficulty, count in held_out.items())
        self._held_out = frozenset[str]().union(*kept)

    def draw(self, difficulty: int, rng: Random) -> str:
        """Return a proper problem that is no target.

        Raises:
            ValueError: there is none, or none that is easily found.
        """
        if difficulty > self._max_operations:
            raise ValueError(f"no problem of {difficulty} operations passes the gates")
        for _ in range(_PATIENCE):
            problem = draw(difficulty, rng)
            if signature(problem) not in self._held_out:
                return str(problem)
        raise ValueError(f"nearly all problems of difficulty {difficulty} are held out")

    def targets(self, difficulty: int, count: int) -> tuple[str, ...]:
        """Return the first `count` held-out problems of this difficulty."""
        return _targets(difficulty, count)

    def check(self, problem: str) -> Checked:
        """Gates: it parses, has consecutive labels, is not too long and is no target."""
        parsed = parse(problem)
        if parsed is None:
            return Checked(gates={"parses": False})
        labels = [label for label, _ in parsed.operations]
        follows = all(b == next_label(a) for a, b in pairwise(labels))
        gates = {
            "parses": True,
            "labels_follow": follows,
            "length": len(labels) <= self._max_operations,
            "not_held_out": signature(parsed) not in self._held_out,
        }
        return Checked(
            gates=gates,
            difficulty=len(labels),
            degenerate=degenerate_share(parsed),
            reference=solve(parsed),
        )

    def grade_attempt(self, problem: str, attempt: str) -> Grade:
        """Part `correct`: every step is right; `progress`: the share before the first wrong one."""
        parsed = _proper(problem)
        wrong = first_wrong(parsed, attempt)
        steps = len(parsed.operations)
        progress = 1.0 if wrong is None else min(wrong, steps) / steps
        return Grade(
            parts={"correct": float(wrong is None), "progress": progress}, first_wrong=wrong
        )

    def grade_critique(self, problem: str, attempt: str, critique: str) -> Grade:
        """Part `exact`: the right critique, word for word; `verdict`: rightly called right."""
        return critique_grade(critique_of(_proper(problem), attempt), critique)

    def grade_judgement(self, problem: str, judgement: str) -> Grade:
        """Part `right`: `~` where 40 % or more of the operations are degenerate, else `^`."""
        return judgement_grade(judgement_of(degenerate_share(_proper(problem))), judgement)

    def grade_hint(self, problem: str, partial: str, hint: str) -> Grade:
        """Part `right`: the hint is the step that follows `partial` in the solution."""
        reference = solve(_proper(problem))
        right = hint != "" and reference[len(partial) : len(partial) + STEP] == hint
        return Grade(parts={"right": float(right and reference.startswith(partial))})

    def right_prefix(self, problem: str, attempt: str) -> str:
        """Return the steps before the first wrong one."""
        wrong = first_wrong(_proper(problem), attempt)
        return attempt if wrong is None else attempt[: wrong * STEP]

    def skills(self, problem: str) -> tuple[str, ...]:
        """Return the operations of a problem without their labels, such as `*7`."""
        return tuple(dict.fromkeys(operation for _, operation in _proper(problem).operations))

    def beginning(self, problem: str, rng: Random) -> str:
        """Return the first operations of a problem, at least one fewer; "" where it has but one."""
        parsed = _proper(problem)
        kept = rng.randrange(len(parsed.operations))
        return str(Problem(parsed.start, parsed.operations[:kept])) if kept else ""

    def steps(self, attempt: str) -> list[str]:
        """Cut a derivation after every value."""
        return [attempt[at : at + STEP] for at in range(0, len(attempt), STEP)]

    def answer_of(self, attempt: str) -> str:
        """Return the last value, if every step before it is one."""
        return attempt[-1] if _DERIVATION.fullmatch(attempt) else ""


def _proper(problem: str) -> Problem:
    parsed = parse(problem)
    if parsed is None:
        msg = f"{problem!r} is no chain problem; check it before grading"
        raise ValueError(msg)
    return parsed
