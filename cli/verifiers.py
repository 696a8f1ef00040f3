"""Verifiers: what can grade the answers of a run once more, by a name or in a file of the user's.

A user's verifier is a function of (problem, answer), both text. It returns a number, the reward,
or a dict of numbers in which `reward` is one and the others are its parts.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from simctl.agents.tasks.callables import FunctionError, find
from simctl.agents.tasks.environment import Environment, Grade, answer_of
from simctl.cli.errors import UserError, in_words

REWARD = "reward"
Verifier = Callable[[str, str], Grade]  # (problem, answer): parts, of which one is the reward


class VerifierError(UserError):
    """There is no such verifier, or it gives what is no grade."""


def verifier(name: str, environment: Environment) -> tuple[str, Verifier]:
    """Return a verifier, and the name that its grades are kept under.

    That of a user's file ends with the hash of its text, so that another text is another verifier.

    Raises:
        VerifierError: there is none, or its file cannot be run.
    """
    if name in BUILT_IN:
        rule = BUILT_IN[name]
        return name, lambda problem, answer: rule(environment, problem, answer)
    if ":" not in name:
        known = in_words(list(BUILT_IN))
        raise VerifierError(f"there is no verifier {name!r}; give {known}, or FILE.py:FUNCTION")
    try:
        found = find(name)
    except FunctionError as error:
        raise VerifierError(f"verifier {error}") from error
    return found.label, lambda problem, answer: _graded(name, found.call, (problem, answer))


def _correct(environment: Environment, problem: str, answer: str) -> Grade:
    grade = environment.grade_attempt(problem, answer)
    return _with_reward(grade, grade.parts["correct"])


def _progress(environment: Environment, problem: str, answer: str) -> Grade:
    grade = environment.grade_attempt(problem, answer)
    return _with_reward(grade, grade.parts["progress"])


def _final(environment: Environment, problem: str, answer: str) -> Grade:
    right = answer_of(environment, environment.check(problem).reference)
    return Grade(parts={REWARD: float(answer_of(environment, answer) == right != "")})


def _with_reward(grade: Grade, reward: float) -> Grade:
    return Grade(parts={REWARD: reward, **grade.parts}, first_wrong=grade.first_wrong)


BUILT_IN: Mapping[str, Callable[[Environment, str, str], Grade]] = {
    "correct": _correct,  # every step is right
    "progress": _progress,  # the share of steps before the first wrong one
    "final": _final,  # the last value is right, however it was come by
}


def _graded(name: str, function: Callable[..., Any], asked: tuple[str, str]) -> Grade:
    """Call a user's function, and refuse what is no grade."""
    called = f"verifier {name}, asked about problem {asked[0]!r} and answer {asked[1]!r},"
    try:
        found = function(*asked)
    except Exception as error:
        raise VerifierError(f"{called} fails: {type(error).__name__}: {error}") from error
    parts = found if isinstance(found, Mapping) else {REWARD: found}
    if REWARD not in parts:
        raise VerifierError(f"{called} returns {found!r}: a dict needs the key 'reward'")
    for value in parts.values():
        if not isinstance(value, int | float) or not math.isfinite(value):
            raise VerifierError(
                f"{called} returns {found!r}: a finite number is wanted, or a dict of them"
            )
    return Grade(parts={str(key): float(value) for key, value in parts.items()})
