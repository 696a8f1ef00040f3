"""Function tasks: a family whose attempts are graded by Python functions of the user's.

A reward function has the signature of TRL's: `f(prompts, completions, completion_ids, **columns)`
returns a number, or None for no grade, for each completion; it may be async. It is asked about one
completion at a time. `prompts` holds the problem and `completions` the attempt, both text;
`completion_ids` holds an empty list, since no verifier sees tokens. Columns are lists of one as
well: `reference`, `difficulty`, and those of the row where the family is a dataset. Of TRL's
helpers `log_metric` adds a part to the grade, and `log_extra` does nothing.
"""

import asyncio
import inspect
import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any, Protocol, runtime_checkable

from simctl.agents.tasks import environment
from simctl.agents.tasks.callables import Found, FunctionError, find
from simctl.agents.tasks.environment import (
    Brief,
    Briefs,
    Checked,
    Demonstrates,
    Demonstration,
    Environment,
    Grade,
    TaskError,
)
from simctl.bus.asks import Role

REWARD = "reward"
MADE = {REWARD, "correct", "progress"}  # parts that are made of what all functions give
PASSED = 0.5  # a reward from which on an attempt counts as correct


@runtime_checkable
class Columns(Protocol):
    """A family that knows more of a problem than its reference."""

    def columns(self, problem: str) -> dict[str, Any]:
        """Return what is known of a problem, by name."""
        ...


class FunctionTasks:
    """Another family, graded by functions. What is not about attempts stays the family's.

    Parts of a grade: one for each function that gave one, as it gave it; `reward`, their weighted
    sum, as TRL has it; `correct`, 1 where that is at least 0.5, and `progress`, the reward cut to
    [0, 1]. Where no function gave a grade the reward is 0. A function that is alone may have one of
    these three names; its part is then what this says.
    """

    def __init__(self, family: Environment, names: Sequence[str], weights: Sequence[float]) -> None:
        """Grade attempts at problems of `family` by the functions of these names.

        Raises:
            TaskError: a function is not there, there are not as many weights as functions, or names
                of parts would mean two things.
        """
        self._family = family
        self._functions = [find(name) for name in names]
        self._weights = list(weights) or [1.0] * len(names)
        if len(self._weights) != len(names):
            raise TaskError(
                f"reward_weights has {len(self._weights)} numbers for {len(names)} reward_funcs; "
                "give one for each, or none"
            )
        called = {each.name for each in self._functions}
        if len(called) < len(names):
            raise TaskError("two of reward_funcs have one name; rename one, for parts are named so")
        if len(names) > 1 and called & MADE:
            raise TaskError(
                f"{min(called & MADE)!r} of reward_funcs is the name of a part that is made of "
                "what all of them give; rename it"
            )

    def draw(self, difficulty: int, rng: Random) -> str:
        """Return a problem of the family."""
        return self._family.draw(difficulty, rng)

    def targets(self, difficulty: int, count: int) -> tuple[str, ...]:
        """Return held-out problems of the family."""
        return self._family.targets(difficulty, count)

    def check(self, problem: str) -> Checked:
        """Put a problem before the family's gates."""
        return self._family.check(problem)

    def grade_attempt(self, problem: str, attempt: str) -> Grade:
        """Let every function grade an attempt.

        Raises:
            FunctionError: a function fails, or gives what is no grade.
        """
        reward, asked = 0.0, self._columns(problem)
        parts = {REWARD: reward}
        for found, weight in zip(self._functions, self._weights, strict=True):
            given = _ask(found, problem, attempt, {**asked, **_helpers(parts)})
            if given is not None:
                parts[found.name] = given
                reward += weight * given
        correct, progress = float(reward >= PASSED), min(max(reward, 0.0), 1.0)
        return Grade(parts={**parts, REWARD: reward, "correct": correct, "progress": progress})

    def grade_critique(self, problem: str, attempt: str, critique: str) -> Grade:
        """Grade a critique as the family does: by its own verifier."""
        return self._family.grade_critique(problem, attempt, critique)

    def grade_judgement(self, problem: str, judgement: str) -> Grade:
        """Grade a judgement as the family does."""
        return self._family.grade_judgement(problem, judgement)

    def grade_hint(self, problem: str, partial: str, hint: str) -> Grade:
        """Grade a hint as the family does."""
        return self._family.grade_hint(problem, partial, hint)

    def right_prefix(self, problem: str, attempt: str) -> str:
        """Return the right steps as the family does."""
        return self._family.right_prefix(problem, attempt)

    def steps(self, attempt: str) -> list[str]:
        """Cut a solution as the family does."""
        return environment.steps_of(self._family, attempt)

    def answer_of(self, attempt: str) -> str:
        """Return the answer as the family does."""
        return environment.answer_of(self._family, attempt)

    def demonstration(self, rng: Random, roles: Sequence[Role], difficulty: int) -> Demonstration:
        """Draw a demonstration of the family, which its functions need not find right."""
        if not isinstance(self._family, Demonstrates):
            raise TaskError(f"{type(self._family).__name__} has no demonstrations")
        return self._family.demonstration(rng, roles, difficulty)

    def brief(self) -> Brief:
        """Say what the family says of itself."""
        if not isinstance(self._family, Briefs):
            raise TaskError(f"{type(self._family).__name__} has no brief for chat models")
        return self._family.brief()

    def _columns(self, problem: str) -> dict[str, list[Any]]:
        checked = self._family.check(problem)
        known = {"reference": checked.reference, "difficulty": checked.difficulty}
        more = self._family.columns(problem) if isinstance(self._family, Columns) else {}
        return {name: [value] for name, value in {**known, **more}.items()}


def _helpers(parts: dict[str, float]) -> Mapping[str, Any]:
    def log_metric(name: str, value: float) -> None:
        parts.setdefault(name, float(value))

    def log_extra(column: str, values: list[Any]) -> None:
        pass  # there is no table of completions beside the log

    return {"log_metric": log_metric, "log_extra": log_extra}


def _ask(found: Found, problem: str, attempt: str, columns: Mapping[str, Any]) -> float | None:
    """Ask a function about one attempt, and refuse what is no grade."""
    called = f"{found.label}, asked about problem {problem!r} and attempt {attempt!r},"
    asked = {"prompts": [problem], "completions": [attempt], "completion_ids": [[]], **columns}
    try:
        given = _finished(found.call(**asked))
    except Exception as error:
        raise FunctionError(f"{called} fails: {type(error).__name__}: {error}") from error
    if not isinstance(given, Sequence) or len(given) != 1:
        raise FunctionError(f"{called} returns {given!r}: a list of one number or None is wanted")
    [grade] = given
    if grade is None or (isinstance(grade, int | float) and math.isfinite(grade)):
        return None if grade is None else float(grade)
    raise FunctionError(f"{called} returns {given!r}: a finite number or None is wanted")


def _finished(given: Any) -> Any:
    """Wait for what an async function gives, on a loop of its own: the caller's goes on later."""
    if not inspect.isawaitable(given):
        return given
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, _awaited(given)).result()


async def _awaited(given: Any) -> Any:
    return await given
