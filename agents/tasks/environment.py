"""Environments: families of problems with an exact verifier and a held-out target set."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol, runtime_checkable

from simctl.bus.asks import Role
from simctl.bus.values import Value


class TaskError(Exception):
    """A family cannot be made, or cannot do what is asked: what is missing, and what to do."""


class Checked(Value):
    """What an environment says of a posed problem: a verdict per gate, and the facts."""

    gates: dict[str, bool]
    difficulty: int = 0
    degenerate: float = 0.0  # share of operations that leave nothing to work out
    reference: str = ""  # a right solution, as the solver should write it
    path: str = ""  # how the problem was built, where that says more than a solution

    @property
    def valid(self) -> bool:
        """Whether the problem passed every gate."""
        return all(self.gates.values())


class Grade(Value):
    """The named parts of a verdict, each in [0, 1]; `first_wrong` is the index of a step."""

    parts: dict[str, float]
    first_wrong: int | None = None


class Environment(Protocol):
    """A family of problems. Every method is pure; difficulty is a whole number from 1.

    What a family knows nothing of it still grades: a dataset, which has no steps, takes a verdict
    for an exact critique and only the whole of a right attempt for a right prefix.
    """

    def draw(self, difficulty: int, rng: Random) -> str:
        """Return a proper problem of this difficulty."""
        ...

    def targets(self, difficulty: int, count: int) -> tuple[str, ...]:
        """Return the first `count` held-out problems of this difficulty: the same in every run."""
        ...

    def check(self, problem: str) -> Checked:
        """Judge a posed problem; a held-out target does not pass."""
        ...

    def grade_attempt(self, problem: str, attempt: str) -> Grade:
        """Grade a whole derivation: part `correct` is 1 when every step is right."""
        ...

    def grade_critique(self, problem: str, attempt: str, critique: str) -> Grade:
        """Grade a critique: `exact` up to the first wrong step, `verdict` for right or wrong."""
        ...

    def grade_judgement(self, problem: str, judgement: str) -> Grade:
        """Grade the guide's judgement of a problem: part `right`."""
        ...

    def grade_hint(self, problem: str, partial: str, hint: str) -> Grade:
        """Grade a hint: part `right` is 1 when it is the right next step after `partial`."""
        ...

    def right_prefix(self, problem: str, attempt: str) -> str:
        """Return the steps of the attempt before its first wrong one."""
        ...


@dataclass(frozen=True, slots=True)
class Demonstration:
    """What a role is asked about a problem, and what it should answer, ended by a newline."""

    role: Role
    problem: str
    prompt: str
    answer: str


@runtime_checkable
class Demonstrates(Protocol):
    """A family that can show how its roles answer: what a policy is warmed up with."""

    def demonstration(self, rng: Random, roles: Sequence[Role], difficulty: int) -> Demonstration:
        """Draw a demonstration of one of these roles, about a problem not over this difficulty.

        The problem may be a held-out one: whoever shows it looks first.

        Raises:
            TaskError: the family has none of these roles.
        """
        ...


class Observation(Value):
    """What follows from an action; after `done` there is nothing more to do."""

    text: str
    done: bool = False


@runtime_checkable
class Tools(Protocol):
    """A family whose problems can be acted on in turns."""

    def act(self, problem: str, actions: Sequence[str]) -> Observation:
        """Return what follows from the last of these actions, taken from the beginning.

        Actions and observations, written one after the other, are an attempt that can be graded.
        """
        ...


class Brief(Value):
    """What a chat model has to know of a family: how problems and solutions are written."""

    problems: str
    solutions: str


@runtime_checkable
class Briefs(Protocol):
    """A family that chat models can be asked about."""

    def brief(self) -> Brief:
        """Return what is said of the family to everybody, whatever is asked."""
        ...


@runtime_checkable
class Prepares(Protocol):
    """A family whose attempts take long to grade one by one."""

    def prepare(self, attempts: Sequence[str]) -> None:
        """Do what takes long for all of these attempts at once; grading them gives the same."""
        ...


@runtime_checkable
class Stepwise(Protocol):
    """A family whose solutions have steps, and an answer in which they can be compared."""

    def steps(self, attempt: str) -> list[str]:
        """Cut a solution, or the beginning of one, into steps that join to it again."""
        ...

    def answer_of(self, attempt: str) -> str:
        """Return the answer that a solution ends with; "" when there is none to be found."""
        ...


def steps_of(env: Environment, attempt: str) -> list[str]:
    """Return the steps of a solution; where the family has none, all of it is one."""
    return env.steps(attempt) if isinstance(env, Stepwise) else [attempt]


def answer_of(env: Environment, attempt: str) -> str:
    """Return what attempts are compared by in a vote: the answer, or the whole text."""
    return env.answer_of(attempt) if isinstance(env, Stepwise) else attempt
