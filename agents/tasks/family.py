"""Families: what those of the alphabet share, so that each of them says only what is its own."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Generic, TypeVar

from simctl.agents.tasks import lessons
from simctl.agents.tasks.environment import Checked, Demonstration, Grade, TaskError
from simctl.agents.tasks.verdicts import critique_grade, judgement_grade, judgement_of
from simctl.bus.asks import Role
from simctl.bus.dice import dice

P = TypeVar("P")
_TARGET_SEED = 20_260_103  # the held-out problems belong to the family, not to a run
_PATIENCE = 1000  # draws in a row that are known before a difficulty counts as used up
PARSES, NOT_HELD_OUT = "parses", "not_held_out"


class Family(ABC, Generic[P]):
    """A family with problems of type P, whose text is `str(problem)`.

    A gate is a named predicate; one that raises does not pass.
    """

    name: str

    def __init__(self, held_out: Mapping[int, int], max_difficulty: int) -> None:
        """Keep the first `held_out[d]` targets of each difficulty d out of the society.

        Raises:
            TaskError: a difficulty has no such number of problems.
        """
        self.max_difficulty = max_difficulty
        self._drawn: dict[int, dict[str, P]] = {}
        self._held_out = {
            self.signature(problem)
            for difficulty, count in held_out.items()
            for problem in self._targets(difficulty, count)
        }

    @abstractmethod
    def parse(self, text: str) -> P | None:
        """Read a problem, or return None when the text is none."""

    @abstractmethod
    def sample(self, difficulty: int, rng: Random, *, idle: bool = False) -> P:
        """Draw a problem that passes the family's own gates, held out or not.

        With `idle` it leaves little to work out, where the family can pose such a problem.

        Raises:
            TaskError: there is none of this difficulty.
        """

    @abstractmethod
    def signature(self, problem: P) -> str:
        """Return what makes two problems the same."""

    @property
    @abstractmethod
    def gates(self) -> Mapping[str, Callable[[P], bool]]:
        """The gates of the family, in order, beside those that every family has."""

    @abstractmethod
    def facts(self, problem: P) -> Checked:
        """Return difficulty, degenerate share, reference and path of a problem, without gates."""

    @abstractmethod
    def grade(self, problem: P, attempt: str) -> Grade:
        """Grade an attempt: parts `correct` and `progress` at least."""

    @abstractmethod
    def critique_of(self, problem: P, attempt: str) -> str:
        """Write the right critique; it holds the mark `!` unless the attempt is right."""

    @abstractmethod
    def flaw(self, problem: P, rng: Random) -> str:
        """Write an attempt that is wrong."""

    @abstractmethod
    def steps(self, attempt: str) -> list[str]:
        """Cut a solution, or the beginning of one, into steps that join to it again."""

    @abstractmethod
    def answer_of(self, attempt: str) -> str:
        """Return the answer that a solution ends with; "" when there is none to be found."""

    def draw(self, difficulty: int, rng: Random) -> str:
        """Return a proper problem that is no target.

        Raises:
            TaskError: there is none, or none that is easily found.
        """
        for _ in range(_PATIENCE):
            problem = self.sample(difficulty, rng)
            if self.signature(problem) not in self._held_out:
                return str(problem)
        raise TaskError(f"nearly all {self.name} problems of difficulty {difficulty} are held out")

    def targets(self, difficulty: int, count: int) -> tuple[str, ...]:
        """Return the first `count` held-out problems of this difficulty, no two of them the same.

        Raises:
            TaskError: there are not so many.
        """
        return tuple(str(problem) for problem in self._targets(difficulty, count))

    def check(self, problem: str) -> Checked:
        """Put a problem before the gates of the family."""
        parsed = self.parse(problem)
        if parsed is None:
            return Checked(gates={PARSES: False})
        gates = {PARSES: True}
        for name, gate in {**self.gates, NOT_HELD_OUT: self._is_free}.items():
            gates[name] = _passes(gate, parsed)
        if not all(gates[name] for name in self.gates):
            return Checked(gates=gates)
        return self.facts(parsed).model_copy(update={"gates": gates})

    def grade_attempt(self, problem: str, attempt: str) -> Grade:
        """Grade an attempt at a problem that passes the gates."""
        return self.grade(self.proper(problem), attempt)

    def grade_critique(self, problem: str, attempt: str, critique: str) -> Grade:
        """Part `exact`: the right critique, word for word; `verdict`: rightly called right."""
        return critique_grade(self.critique_of(self.proper(problem), attempt), critique)

    def grade_judgement(self, problem: str, judgement: str) -> Grade:
        """Part `right`: `~` where 40 % or more of the problem is degenerate, else `^`."""
        return judgement_grade(self.judgement_of(self.proper(problem)), judgement)

    def grade_hint(self, problem: str, partial: str, hint: str) -> Grade:
        """Part `right`: the hint is the step that follows `partial` in a solution."""
        right = hint != "" and hint in self.hints(self.proper(problem), partial)
        return Grade(parts={"right": float(right)})

    def right_prefix(self, problem: str, attempt: str) -> str:
        """Return the steps before the first wrong one."""
        wrong = self.grade(self.proper(problem), attempt).first_wrong
        return attempt if wrong is None else "".join(self.steps(attempt)[:wrong])

    def demonstration(self, rng: Random, roles: Sequence[Role], difficulty: int) -> Demonstration:
        """Draw a demonstration of one of these roles."""
        return lessons.lesson(self, rng, roles, min(difficulty, self.max_difficulty))

    def hints(self, problem: P, partial: str) -> Sequence[str]:
        """Return the right next steps after `partial`; a family of one solution has one."""
        reference = self.facts(problem).reference
        if not reference.startswith(partial):
            return ()
        return self.steps(reference[len(partial) :])[:1]

    def judgement_of(self, problem: P) -> str:
        """Return the right judgement of a problem."""
        return judgement_of(self.facts(problem).degenerate)

    def proper(self, text: str) -> P:
        """Read a problem that is one and passes the family's own gates."""
        parsed = self.parse(text)
        if parsed is None or not all(_passes(gate, parsed) for gate in self.gates.values()):
            raise ValueError(f"{text!r} is no {self.name} problem; check it before grading")
        return parsed

    def _is_free(self, problem: P) -> bool:
        return self.signature(problem) not in self._held_out

    def _targets(self, difficulty: int, count: int) -> list[P]:
        if len(self._drawn.get(difficulty, {})) < count:
            self._drawn[difficulty] = self._distinct(difficulty, count)
        return list(self._drawn[difficulty].values())[:count]

    def _distinct(self, difficulty: int, count: int) -> dict[str, P]:
        rng = dice(_TARGET_SEED, f"{self.name} targets", difficulty)
        drawn: dict[str, P] = {}
        known = 0
        while len(drawn) < count:
            before = len(drawn)
            problem = self.sample(difficulty, rng)
            drawn.setdefault(self.signature(problem), problem)
            known = 0 if len(drawn) > before else known + 1
            if known == _PATIENCE:
                raise TaskError(
                    f"{self.name} has about {len(drawn)} problems of difficulty {difficulty}; "
                    f"{count} cannot be held out, so let suite.problems be less"
                )
        return drawn


def _passes(gate: Callable[[P], bool], problem: P) -> bool:
    try:
        return gate(problem)
    except Exception:  # noqa: BLE001 - a gate that cannot say yes says no
        return False
