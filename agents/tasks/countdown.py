"""Countdown: reach a target with all of the given numbers, each used once.

Problem `=6.4.7.5` asks for 6 from 4, 7 and 5; `4+7-5` solves it. An expression is read from left to
right, without precedence, and no value on the way may be below 0 or over `max_value`: so values
fit, and whether a beginning can still end well is decided by a search of every way to go on.
Difficulty is how many numbers there are; a single number is its own target.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import ClassVar, Literal

from pydantic import Field

from simctl.agents.tasks.environment import Checked, Grade, TaskError
from simctl.agents.tasks.expression import SIGNS, Place, terms, value_of, way
from simctl.agents.tasks.family import Family
from simctl.agents.tasks.settings import TaskSettings
from simctl.agents.tasks.verdicts import RIGHT, WRONG

MAX_NUMBERS = 6  # a search of more can take seconds
IDLE = (0, 1)  # numbers that leave little to work out
_ONES = 0.75  # share of ones among the numbers of an idle problem
_PATIENCE = 1000  # draws before a size of problem counts as impossible
_PROBLEM = re.compile(r"=[0-9]{1,6}(?:\.[0-9]{1,6})+")


@dataclass(frozen=True, slots=True)
class Problem:
    """A target, and the numbers that reach it."""

    target: int
    numbers: tuple[int, ...]

    def __str__(self) -> str:
        """The problem as it is posed."""
        return f"={self.target}" + "".join(f".{number}" for number in self.numbers)


def parse(text: str) -> Problem | None:
    """Read a problem, or return None when the text is none."""
    if _PROBLEM.fullmatch(text) is None:
        return None
    target, *numbers = (int(part) for part in text[1:].split("."))
    problem = Problem(target, tuple(numbers))
    return problem if str(problem) == text else None  # 07 is no number


class CountdownTasks(Family[Problem]):
    """The family of countdowns. `progress` is the share of numbers before the first wrong term.

    A term is wrong when the target can no longer be reached after it. Problems with the same
    numbers, in any order, and target are the same.
    """

    name = "countdown"

    def __init__(
        self,
        held_out: Mapping[int, int],
        *,
        max_numbers: int = 4,
        max_number: int = 9,
        max_value: int = 99,
    ) -> None:
        """Use numbers up to `max_number`, and values up to `max_value`."""
        self._largest, self._most = max_number, max_value
        super().__init__(held_out, max_numbers)

    def parse(self, text: str) -> Problem | None:
        """Read a problem, or return None when the text is none."""
        return parse(text)

    def sample(self, difficulty: int, rng: Random, *, idle: bool = False) -> Problem:
        """Draw numbers and terms, until no value on the way is out of bounds."""
        if not 1 <= difficulty <= self.max_difficulty:
            raise TaskError(f"countdown has no problems of {difficulty} numbers")
        for _ in range(_PATIENCE):
            numbers = [self._number(rng, idle=idle) for _ in range(difficulty)]
            place: Place | None = Place(None, tuple(sorted(numbers)))
            while place is not None and place.left:
                place = place.after(rng.choice(place.terms), self._most)
            if place is not None and place.value is not None:
                return Problem(place.value, tuple(numbers))
        raise TaskError(f"no {difficulty} numbers stay within task.max_value {self._most}")

    def _number(self, rng: Random, *, idle: bool) -> int:
        return 1 if idle and rng.random() < _ONES else rng.randint(1, self._largest)

    def signature(self, problem: Problem) -> str:
        """Return the problem with its numbers sorted."""
        return str(Problem(problem.target, tuple(sorted(problem.numbers))))

    @property
    def gates(self) -> Mapping[str, Callable[[Problem], bool]]:
        """All numbers are in bounds, there are not too many, and they reach the target."""
        return {
            "numbers": lambda problem: all(1 <= each <= self._largest for each in problem.numbers),
            "target": lambda problem: problem.target <= self._most,
            "length": lambda problem: len(problem.numbers) <= self.max_difficulty,
            "solvable": lambda problem: self._way(problem) is not None,
        }

    def facts(self, problem: Problem) -> Checked:
        """Return a right expression, and as its path the same with every value on the way."""
        found = self._way(problem) or ()
        return Checked(
            gates={},
            difficulty=len(problem.numbers),
            degenerate=sum(each in IDLE for each in problem.numbers) / len(problem.numbers),
            reference="".join(found),
            path="".join(self._worked(problem, found)),
        )

    def grade(self, problem: Problem, attempt: str) -> Grade:
        """Grade an expression; any right one will do."""
        right, whole = self._right(problem, terms(attempt))
        return Grade(
            parts={"correct": float(whole), "progress": right / len(problem.numbers)},
            first_wrong=None if whole else right,
        )

    def critique_of(self, problem: Problem, attempt: str) -> str:
        """Write each term with the value after it and a verdict, up to the first wrong one.

        `4=4.+7=11.-5=6.` for a right one; `4=4.*5!` where `*5` can no longer end well, and a lone
        `!` where terms are missing.
        """
        written = terms(attempt)
        right, whole = self._right(problem, written)
        worked = [f"{each}{RIGHT}" for each in self._worked(problem, written[:right])]
        rest = "" if whole else f"{''.join(written[right : right + 1])}{WRONG}"
        return "".join(worked) + rest

    def flaw(self, problem: Problem, rng: Random) -> str:
        """Write the numbers in some order and with some signs that do not reach the target."""
        for _ in range(_PATIENCE):
            first, *others = rng.sample(problem.numbers, len(problem.numbers))
            attempt = f"{first}" + "".join(f"{rng.choice(SIGNS)}{each}" for each in others)
            if not self._right(problem, terms(attempt))[1]:
                return attempt
        return f"{'+'.join(str(each) for each in problem.numbers)}+1"  # one number too many

    def steps(self, attempt: str) -> list[str]:
        """Cut an expression into signed numbers."""
        return terms(attempt)

    def answer_of(self, attempt: str) -> str:
        """Return the value of an expression of at most sixteen terms."""
        value = value_of(attempt)
        return "" if value is None else str(value)

    def skills(self, problem: str) -> tuple[str, ...]:
        """Return the signs of a right expression."""
        return tuple(dict.fromkeys(term[0] for term in (self._way(self.proper(problem)) or ())[1:]))

    def hints(self, problem: Problem, partial: str) -> Sequence[str]:
        """Return every term after which the target can still be reached."""
        written = terms(partial)
        right, _ = self._right(problem, written)
        if right < len(written):
            return ()
        place = self._start(problem)
        for term in written:
            place = place.after(term, self._most) or place
        return [each for each in place.terms if self._ends_well(problem, place, each)]

    def _start(self, problem: Problem) -> Place:
        return Place(None, tuple(sorted(problem.numbers)))

    def _way(self, problem: Problem) -> tuple[str, ...] | None:
        if len(problem.numbers) > self.max_difficulty:
            return None  # a search could take for ever
        return way(self._start(problem), problem.target, self._most)

    def _ends_well(self, problem: Problem, place: Place, term: str) -> bool:
        after = place.after(term, self._most)
        return after is not None and way(after, problem.target, self._most) is not None

    def _right(self, problem: Problem, written: Sequence[str]) -> tuple[int, bool]:
        """Return how many terms stand before the first wrong one, and whether all is right."""
        place = self._start(problem)
        for at, term in enumerate(written):
            after = place.after(term, self._most)
            if after is None or way(after, problem.target, self._most) is None:
                return at, False
            place = after
        return len(written), not place.left

    def _worked(self, problem: Problem, written: Sequence[str]) -> list[str]:
        place, worked = self._start(problem), list[str]()
        for term in written:
            place = place.after(term, self._most) or place
            worked.append(f"{term}={place.value}")
        return worked


class CountdownSettings(TaskSettings):
    """Countdown: reach a target with all of the given numbers."""

    ladder: ClassVar[tuple[tuple[int, int], ...]] = ((3, 200), (4, 100))

    kind: Literal["countdown"] = "countdown"
    max_numbers: int = Field(
        default=4, ge=1, le=MAX_NUMBERS, description="most numbers of a problem: its difficulty"
    )
    max_number: int = Field(default=9, ge=1, le=9999, description="largest number that is given")
    max_value: int = Field(
        default=99, ge=1, le=999_999, description="largest target, and largest value on the way"
    )

    @property
    def max_difficulty(self) -> int:
        """The numbers of the largest problem."""
        return self.max_numbers

    def family(self, held_out: Mapping[int, int]) -> CountdownTasks:
        """Return the family of countdowns."""
        return CountdownTasks(
            held_out,
            max_numbers=self.max_numbers,
            max_number=self.max_number,
            max_value=self.max_value,
        )
