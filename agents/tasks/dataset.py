"""Dataset tasks: questions with an answer, from a Hugging Face dataset or a file.

The reference is the answer column as it stands. An attempt is right when math-verify finds its
last answer equal to the reference's, or when both are the same text after normalising. The family
knows no steps: where the society asks about them it says what `Environment` allows, see each
method. Questions that nobody has the answer of do not pass, so the examiner's own never do.
"""

import re
import sys
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, ClassVar, Literal

from pydantic import Field

from simctl.agents import prompts
from simctl.agents.tasks.comparer import Comparer
from simctl.agents.tasks.environment import Brief, Checked, Demonstration, Grade, TaskError
from simctl.agents.tasks.rows import Row, Source, rows
from simctl.agents.tasks.settings import TaskSettings
from simctl.agents.tasks.verdicts import CLEAN, WRONG, judgement_grade
from simctl.bus.asks import Role
from simctl.bus.dice import dice

END = "\n"  # ends every demonstration
_BOXED = re.compile(r"\\boxed\{([^{}]*)\}")
_STATED = re.compile(r"(?:####|[Aa]nswer(?: is)?:?)\s*([^\n]+)")
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_PUNCTUATION = re.compile(r"[^\w\s.+\-*/=%]")


def final(attempt: str) -> str:
    """Return what an attempt gives as its answer: the last that is boxed or stated, or all of it.

    Nothing is "", never the name of nothing: an attempt without an answer equals no reference.
    """
    boxed = _BOXED.findall(attempt)
    stated = _STATED.findall(attempt)
    return str((boxed or stated or [attempt])[-1]).strip()


def normalised(answer: str) -> str:
    """Return an answer without case, articles, punctuation and spaces that say nothing.

    As SQuAD has it (1606.05250, evaluation script), but for signs that numbers are made of.
    """
    plain = _ARTICLES.sub(" ", _PUNCTUATION.sub(" ", answer.lower()))
    return " ".join(plain.split()).strip(".")


class DatasetTasks:
    """The family of the questions of a dataset. Those with the same text are the same."""

    def __init__(self, held_out: Mapping[int, int], settings: "DatasetSettings") -> None:
        """Load the rows, and keep the first `held_out[d]` of each shuffled difficulty d.

        Raises:
            TaskError: the dataset cannot be had, or has no such questions.
        """
        self._settings = settings
        self._rows = rows(settings)
        self._comparer = Comparer(settings.timeout) if settings.grading == "math" else None
        self._levels: dict[int, list[str]] = {}
        for question, row in self._rows.items():
            self._levels.setdefault(row.difficulty, []).append(question)
        for difficulty, questions in self._levels.items():
            questions.sort()  # in whatever order they came
            dice(settings.split_seed, "dataset targets", difficulty).shuffle(questions)
        self._held_out = {
            target
            for difficulty, count in held_out.items()
            for target in self.targets(difficulty, count)
        }

    def draw(self, difficulty: int, rng: Random) -> str:
        """Return a question of this difficulty that is no target.

        Raises:
            TaskError: there is none.
        """
        left = [each for each in self._level(difficulty) if each not in self._held_out]
        if not left:
            raise TaskError(f"all questions of difficulty {difficulty} are held out")
        return rng.choice(left)

    def targets(self, difficulty: int, count: int) -> tuple[str, ...]:
        """Return the first `count` questions of this difficulty in the order of the split seed.

        Raises:
            TaskError: there are not so many.
        """
        questions = self._level(difficulty)
        if count > len(questions):
            raise TaskError(
                f"{self._settings.dataset_name} has {len(questions)} questions of difficulty "
                f"{difficulty}; {count} cannot be held out, so let suite.problems be less"
            )
        return tuple(questions[:count])

    def check(self, problem: str) -> Checked:
        """Gates: the question is one of the dataset, and no target."""
        row = self._rows.get(problem)
        if row is None:
            return Checked(gates={"known": False, "not_held_out": True})
        gates = {"known": True, "not_held_out": problem not in self._held_out}
        return Checked(gates=gates, difficulty=row.difficulty, reference=row.answers[0])

    def grade_attempt(self, problem: str, attempt: str) -> Grade:
        """Parts `correct` and `progress`, which are one; `unread`, no verdict could be had.

        What math-verify cannot read in a reference, or not in time, is compared as text where
        `exact_fallback` says so, and else is wrong.
        """
        verdict, unread = self._verdict(self._row(problem), attempt)
        correct = float(verdict)
        return Grade(parts={"correct": correct, "progress": correct, "unread": float(unread)})

    def grade_critique(self, problem: str, attempt: str, critique: str) -> Grade:
        """Part `verdict`: rightly called right or, with a `!`, wrong; `exact` is the same."""
        wrong = self.grade_attempt(problem, attempt).parts["correct"] == 0.0
        verdict = float((WRONG in critique) == wrong)
        return Grade(parts={"exact": verdict, "verdict": verdict})

    def grade_judgement(self, problem: str, judgement: str) -> Grade:
        """Part `right`: `^`, for every question of the dataset is a proper one."""
        self._row(problem)
        return judgement_grade(CLEAN, judgement)

    def grade_hint(self, problem: str, partial: str, hint: str) -> Grade:
        """Part `right`: the hint goes on with the reference after `partial`, word for word."""
        reference = self._row(problem).answers[0]
        right = hint != "" and reference.startswith(partial + hint)
        return Grade(parts={"right": float(right)})

    def right_prefix(self, problem: str, attempt: str) -> str:
        """Return the attempt if it is right, and nothing else: no step is known to be."""
        return attempt if self.grade_attempt(problem, attempt).parts["correct"] == 1.0 else ""

    def steps(self, attempt: str) -> list[str]:
        """Cut an attempt into lines."""
        return attempt.splitlines(keepends=True)

    def answer_of(self, attempt: str) -> str:
        """Return the answer of an attempt, normalised."""
        return normalised(final(attempt))

    def demonstration(self, rng: Random, roles: Sequence[Role], difficulty: int) -> Demonstration:
        """Draw a question with its reference, for the solver, or for the teacher in view of it."""
        able = [role for role in ("solver", "teacher") if role in roles]
        if not able:
            raise TaskError("a dataset shows what solver and teacher answer; name one of them")
        levels = [level for level in self._levels if level <= difficulty]
        question = rng.choice(self._levels[rng.choice(levels or [min(self._levels)])])
        answer = self._rows[question].answers[0]
        if rng.choice(able) == "solver":
            return Demonstration("solver", question, prompts.solver(question), answer + END)
        prompt = prompts.teacher(question, answer)
        return Demonstration("teacher", question, prompt, answer + END)

    def brief(self) -> Brief:
        """Say how an answer is given; what the questions are like they show themselves."""
        return Brief(
            problems="",
            solutions="Reason step by step, a line for each step. End with the answer on a line of "
            "its own, after the word Answer:",
        )

    def columns(self, problem: str) -> dict[str, Any]:
        """Return all columns of a question's row."""
        return dict(self._row(problem).columns)

    def _verdict(self, row: Row, attempt: str) -> tuple[bool, bool]:
        """Return whether an attempt is right, and whether no verifier could say."""
        if not attempt.strip():
            return False, False
        if self._comparer is None:
            return self._same(row, attempt), False
        found = [self._comparer.equal(answer, attempt) for answer in row.answers]
        if True in found:
            return True, False
        if None not in found:
            return False, False
        return (self._same(row, attempt), False) if self._settings.exact_fallback else (False, True)

    def _same(self, row: Row, attempt: str) -> bool:
        answer = self.answer_of(attempt)
        return answer != "" and answer in {self.answer_of(each) for each in row.answers}

    def _row(self, problem: str) -> Row:
        if problem not in self._rows:
            raise ValueError(f"{problem!r} is no question of the dataset; check it before grading")
        return self._rows[problem]

    def _level(self, difficulty: int) -> list[str]:
        if difficulty not in self._levels:
            known = ", ".join(map(str, sorted(self._levels)))
            raise TaskError(
                f"{self._settings.dataset_name} has no questions of difficulty {difficulty}; "
                f"it has {known}"
            )
        return self._levels[difficulty]


class DatasetSettings(Source, TaskSettings):
    """Dataset: questions with an answer, from a Hugging Face dataset or a file."""

    ladder: ClassVar[tuple[tuple[int, int], ...]] = ((1, 100),)

    kind: Literal["dataset"] = "dataset"
    split_seed: int = Field(default=0, ge=0, description="which questions are held out")
    grading: Literal["math", "exact"] = Field(
        default="math", description='"math" by math-verify, or "exact" by normalised text'
    )
    timeout: float = Field(default=5.0, gt=0, description="seconds of a comparison by math-verify")
    exact_fallback: bool = Field(
        default=False, description="compare as text what math-verify cannot read"
    )

    @property
    def max_difficulty(self) -> int:
        """1, unless a column says; then nobody knows before it is read."""
        return sys.maxsize if self.difficulty_column else 1

    def family(self, held_out: Mapping[int, int]) -> DatasetTasks:
        """Return the family of the dataset's questions."""
        return DatasetTasks(held_out, self)
