"""Module tasks: a family of one's own, as a few functions in a Python file.

    def draw(difficulty, rng): ...      a problem of this difficulty, by the dice `rng`
    def solve(problem): ...             a right solution; raises, or gives "", where there is none

are enough. Three more may be there:

    def difficulty(problem): ...        from 1; without it every problem has difficulty 1
    def grade(problem, attempt): ...    from 0 to 1, which is right; else what equals `solve` is
    def steps(solution): ...            a list that joins to it; else the whole is one step

The docstring of the file tells chat models what problems are like; an example is drawn for it. All
functions depend on their arguments alone: a resumed or verified run asks them again. Of steps that
nobody grades one by one those are right that stand in `solve` at the same place.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from random import Random
from typing import Any, ClassVar, Literal

from pydantic import Field

from simctl.agents.tasks.callables import FunctionError, module
from simctl.agents.tasks.environment import Brief, Checked, Grade, TaskError
from simctl.agents.tasks.family import Family
from simctl.agents.tasks.settings import TaskSettings
from simctl.agents.tasks.verdicts import RIGHT, WRONG
from simctl.bus.dice import dice

_PATIENCE = 100  # solutions of other problems that are tried as wrong ones


class ModuleTasks(Family[str]):
    """The family that the functions of a module make."""

    def __init__(self, held_out: Mapping[int, int], place: str, hardest: int) -> None:
        """Take the functions of the file or module `place`.

        Raises:
            TaskError: it lacks one, cannot be run, or draws too few problems.
        """
        self.name = place
        self._functions = vars(module(place))
        for name in ("draw", "solve"):
            if not callable(self._functions.get(name)):
                raise FunctionError(f"{place} has no function {name!r}; a family needs draw, solve")
        super().__init__(held_out, hardest)

    def brief(self) -> Brief:
        """Say what the file's docstring says, with a problem and its solution."""
        example = self.sample(1, dice(0, "brief", self.name))
        solutions = f"For the problem {example} write\n\n{self._reference(example)}"
        return Brief(
            problems=inspect.cleandoc(self._functions["__doc__"] or ""), solutions=solutions
        )

    def parse(self, text: str) -> str:
        """Take any text for a problem: the gates say whether it is one."""
        return text

    def sample(self, difficulty: int, rng: Random, *, idle: bool = False) -> str:  # noqa: ARG002 - it knows no idle ones
        """Ask `draw` for a problem.

        Raises:
            FunctionError: it fails, or draws what is no problem of this difficulty.
        """
        drawn = self._ask("draw", difficulty, rng)
        if not isinstance(drawn, str):
            raise self._wrong("draw", (difficulty,), drawn, "text")
        found = self._difficulty(drawn)
        if found != difficulty:
            raise self._wrong(
                "draw", (difficulty,), drawn, f"a problem of difficulty {difficulty}, not {found},"
            )
        return drawn

    def signature(self, problem: str) -> str:
        """Return the problem: no two are the same."""
        return problem

    @property
    def gates(self) -> Mapping[str, Callable[[str], bool]]:
        """It has a difficulty, and a solution."""
        return {
            "difficulty": lambda problem: 1 <= self._difficulty(problem) <= self.max_difficulty,
            "solvable": lambda problem: self._reference(problem) != "",
        }

    def facts(self, problem: str) -> Checked:
        """Return difficulty and reference."""
        reference = self._reference(problem)
        return Checked(gates={}, difficulty=self._difficulty(problem), reference=reference)

    def grade(self, problem: str, attempt: str) -> Grade:
        """Part `correct` is 1 for a grade of 1; `progress` is the grade."""
        if "grade" not in self._functions:
            given: Any = attempt == self._reference(problem)
        else:
            given = self._ask("grade", problem, attempt)
        if not isinstance(given, int | float) or not 0 <= given <= 1:
            raise self._wrong("grade", (problem, attempt), given, "a number from 0 to 1")
        correct = given == 1
        return Grade(
            parts={"correct": float(correct), "progress": float(given)},
            first_wrong=None if correct else self._right_steps(problem, attempt),
        )

    def critique_of(self, problem: str, attempt: str) -> str:
        """Write each step with a verdict, up to the first wrong one; a lone `!` where one lacks."""
        steps, wrong = self.steps(attempt), self.grade(problem, attempt).first_wrong
        right = [f"{step}{RIGHT}" for step in steps[:wrong]]
        return "".join(right) + ("" if wrong is None else f"{''.join(steps[wrong:][:1])}{WRONG}")

    def flaw(self, problem: str, rng: Random) -> str:
        """Write the solution of another problem; where none is wrong here, the right one twice."""
        for _ in range(_PATIENCE):
            attempt = self._reference(self.sample(self._difficulty(problem), rng))
            if self.grade(problem, attempt).first_wrong is not None:
                return attempt
        return self._reference(problem) * 2

    def steps(self, attempt: str) -> list[str]:
        """Ask `steps` to cut a solution."""
        if "steps" not in self._functions:
            return [attempt] if attempt else []
        cut = self._ask("steps", attempt)
        if not isinstance(cut, list) or "".join(cut) != attempt:
            raise self._wrong("steps", (attempt,), cut, "a list that joins to it again")
        return cut

    def answer_of(self, attempt: str) -> str:
        """Return the attempt: what is said alike is the same answer."""
        return attempt.strip()

    def _reference(self, problem: str) -> str:
        solution = self._ask("solve", problem)
        if not isinstance(solution, str):
            raise self._wrong("solve", (problem,), solution, "text")
        return solution

    def _difficulty(self, problem: str) -> int:
        if "difficulty" not in self._functions:
            return 1
        found = self._ask("difficulty", problem)
        if not isinstance(found, int):
            raise self._wrong("difficulty", (problem,), found, "a whole number")
        return found

    def _right_steps(self, problem: str, attempt: str) -> int:
        """Return how many steps stand as in the reference, before one that does not."""
        both = zip_longest(self.steps(attempt), self.steps(self._reference(problem)))
        return next((at for at, (said, right) in enumerate(both) if said != right), 0)

    def _ask(self, name: str, *asked: Any) -> Any:
        try:
            return self._functions[name](*asked)
        except Exception as error:
            raise FunctionError(
                f"{self._called(name, asked)} fails: {type(error).__name__}: {error}"
            ) from error

    def _wrong(self, name: str, asked: Sequence[Any], given: Any, wanted: str) -> TaskError:
        return FunctionError(f"{self._called(name, asked)} gives {given!r}: {wanted} is wanted")

    def _called(self, name: str, asked: Sequence[Any]) -> str:
        return f"{self.name}: {name}({', '.join(map(repr, asked))})"


class ModuleSettings(TaskSettings):
    """Module: a family of one's own, as functions in a Python file."""

    ladder: ClassVar[tuple[tuple[int, int], ...]] = ((1, 100),)

    kind: Literal["module"] = "module"
    module: str = Field(
        description="FILE.py or a module, with draw, solve and perhaps difficulty, grade, steps"
    )
    hardest: int = Field(default=1, ge=1, description="difficulty of its hardest problems")

    @property
    def max_difficulty(self) -> int:
        """What the recipe says."""
        return self.hardest

    def family(self, held_out: Mapping[int, int]) -> ModuleTasks:
        """Return the family of the module's functions."""
        return ModuleTasks(held_out, self.module, self.hardest)
