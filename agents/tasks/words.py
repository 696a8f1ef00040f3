"""Word problems: a story of sums in plain sentences, solved in lines that end with the answer.

`3 + 4 = 7`, `7 - 2 = 5`, `Answer: 5`. Words around a sum are free. A sum is right when it is one of
the story's in their order; those that are worked out in the head may be left out. Difficulty is how
often something happens. Examiners are verified as well: what they pose is read and worked out.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import ClassVar, Literal

from pydantic import Field

from simctl.agents.tasks.environment import Brief, Checked, Grade, TaskError
from simctl.agents.tasks.family import Family
from simctl.agents.tasks.settings import TaskSettings
from simctl.agents.tasks.story import IDLE, SIGNS, Story, draw, parse
from simctl.agents.tasks.verdicts import RIGHT, WRONG

_SUM = re.compile(r"([0-9]{1,9})\s*([+\-*x×])\s*([0-9]{1,9})\s*=\s*([0-9]{1,9})(?![0-9])")  # noqa: RUF001
_ANSWER = re.compile(
    r"(?:answer\W{0,6}(?:is\W{0,6})?|\\boxed\{)([0-9]{1,9})(?![0-9])", re.IGNORECASE
)
_TIMES = {"x": "*", "×": "*"}  # noqa: RUF001
_IDLE_SHARE = 0.75  # of the steps of an idle problem that leave nothing to work out
_PATIENCE = 1000  # draws before a number of steps counts as impossible
_LARGEST_FACTOR = 3


class WordTasks(Family[Story]):
    """The family of stories. `progress` is the share of right lines before the first wrong one."""

    name = "words"

    def __init__(
        self, held_out: Mapping[int, int], *, max_steps: int = 6, max_value: int = 99
    ) -> None:
        """Tell stories of at most `max_steps` steps, with values up to `max_value`."""
        self._most = max_value
        super().__init__(held_out, max_steps)

    def brief(self) -> Brief:
        """Say what stories and their solutions look like."""
        example = parse(
            "How many pens does Ava have in the end? Ava has 3 pens. Ava buys 4 more. "
            "Ava gives away 2. Ava then has 3 times as many."
        )
        assert example is not None
        return Brief(
            problems="A problem is a story in sentences of exactly this kind, with other names, "
            f"things, numbers and steps (buys, finds, gets or wins N more; gives away, loses or "
            f"sells N; then has N times as many). No value is below 0 or over {self._most}.\n\n"
            f"{example}",
            solutions="Write each sum on a line of its own, in the order of the story, then the "
            f"answer. For the story above:\n\n{_solved(example)}",
        )

    def parse(self, text: str) -> Story | None:
        """Read a problem, or return None when the text is none."""
        return parse(text)

    def sample(self, difficulty: int, rng: Random, *, idle: bool = False) -> Story:
        """Draw a start and steps, until every value is in bounds."""
        if not 1 <= difficulty <= self.max_difficulty:
            raise TaskError(f"words has no problems of {difficulty} steps")
        for _ in range(_PATIENCE):
            steps = [self._step(rng, idle=idle) for _ in range(difficulty)]
            story = draw(steps, rng.randint(2, max(2, self._most // 2)), rng)
            if self._in_bounds(story):
                return story
        raise TaskError(f"no {difficulty} steps stay within task.max_value {self._most}")

    def _step(self, rng: Random, *, idle: bool) -> tuple[str, int]:
        if idle and rng.random() < _IDLE_SHARE:
            return rng.choice(IDLE)
        sign = rng.choice(SIGNS)
        return sign, rng.randint(2, _LARGEST_FACTOR if sign == "*" else max(2, self._most // 4))

    def _in_bounds(self, story: Story) -> bool:
        return all(0 <= value <= self._most for value in story.values)

    def signature(self, problem: Story) -> str:
        """Return the numbers of the story."""
        return problem.signature

    @property
    def gates(self) -> Mapping[str, Callable[[Story], bool]]:
        """Something happens, not too often, and every value is in bounds."""
        return {
            "length": lambda story: 1 <= len(story.steps) <= self.max_difficulty,
            "bounds": self._in_bounds,
        }

    def facts(self, problem: Story) -> Checked:
        """Return the sums with the answer."""
        idle = sum((step.sign, step.number) in IDLE for step in problem.steps)
        return Checked(
            gates={},
            difficulty=len(problem.steps),
            degenerate=idle / len(problem.steps),
            reference=_solved(problem),
        )

    def grade(self, problem: Story, attempt: str) -> Grade:
        """Grade a solution: `correct` where no line is wrong and the answer is there."""
        right, whole = self._right(problem, self.steps(attempt))
        lines = len(problem.steps) + 1
        return Grade(
            parts={"correct": float(whole), "progress": 1.0 if whole else min(right / lines, 1.0)},
            first_wrong=None if whole else right,
        )

    def grade_critique(self, problem: str, attempt: str, critique: str) -> Grade:
        """Part `exact`: the first wrong line is found; `verdict`: rightly called right or wrong."""
        story = self.proper(problem)
        right, whole = self._right(story, self.steps(attempt))
        before, fault, _ = critique.partition(WRONG)
        verdict = bool(critique) and bool(fault) != whole
        exact = verdict and (whole or before == RIGHT * right)
        return Grade(parts={"exact": float(exact), "verdict": float(verdict)})

    def grade_hint(self, problem: str, partial: str, hint: str) -> Grade:
        """Part `right`: the hint is one line, and it can follow `partial`."""
        story = self.proper(problem)
        before, after = self.steps(partial), self.steps(partial + hint)
        fits = self._right(story, before)[0] == len(before) < len(after) == len(before) + 1
        return Grade(parts={"right": float(fits and self._right(story, after)[0] == len(after))})

    def critique_of(self, problem: Story, attempt: str) -> str:
        """Write a mark for each right line, then that of the fault and the line as it should be."""
        written = self.steps(attempt)
        right, whole = self._right(problem, written)
        if whole:
            return RIGHT * right
        return f"{RIGHT * right}{WRONG}{self._next(problem, written[:right])}"

    def flaw(self, problem: Story, rng: Random) -> str:
        """Write a solution in which a value is not what it should be, and all after it follows."""
        lines = _solved(problem).splitlines()
        at = rng.randrange(len(problem.equations))
        before, sign, number, after = problem.equations[at]
        wrong = after + rng.choice((1, 2, 10))
        lines[at] = f"{before} {sign} {number} = {wrong}"
        return "\n".join([*lines[: at + 1], f"Answer: {wrong}"])

    def hints(self, problem: Story, partial: str) -> Sequence[str]:
        """Return the line after `partial`."""
        return [self._next(problem, self.steps(partial))]

    def steps(self, attempt: str) -> list[str]:
        """Cut a solution after every line that has a sum or the answer; words go with the next."""
        cut, words = list[str](), ""
        for line in attempt.splitlines(keepends=True):
            words += line
            if _SUM.search(line) or _ANSWER.search(line):
                cut.append(words)
                words = ""
        if words and (words.strip() or not cut):
            cut.append(words)
        elif words:
            cut[-1] += words
        return cut

    def answer_of(self, attempt: str) -> str:
        """Return the last number that is given as the answer."""
        found = _ANSWER.findall(attempt)
        return str(int(found[-1])) if found else ""

    def _right(self, problem: Story, written: Sequence[str]) -> tuple[int, bool]:
        """Return how many lines stand before the first wrong one, and whether all is right."""
        answer, known = str(problem.values[-1]), 0
        for at, line in enumerate(written):
            reached = _reached(problem, line, known)
            if reached is None:
                return at, False
            if self.answer_of(line):
                right = self.answer_of(line) == answer
                return at + right, right and at + 1 == len(written)
            known = reached
        return len(written), False

    def _next(self, problem: Story, right: Sequence[str]) -> str:
        known = 0
        for line in right:
            known = _reached(problem, line, known) or known
        return _solved(problem).splitlines()[known]


def _reached(problem: Story, line: str, known: int) -> int | None:
    """Return how many sums are known after a line, or None where it has a wrong one, or nothing."""
    sums = [
        (int(left), _TIMES.get(str(sign), str(sign)), int(number), int(value))
        for left, sign, number, value in _SUM.findall(line)
    ]
    if not sums and not _ANSWER.search(line):
        return None
    equations = problem.equations
    for each in sums:
        if each not in equations[known:]:
            return None
        known = equations.index(each, known) + 1
    return known


def _solved(story: Story) -> str:
    sums = [
        f"{before} {sign} {number} = {after}" for before, sign, number, after in story.equations
    ]
    return "\n".join([*sums, f"Answer: {story.values[-1]}"])


class WordSettings(TaskSettings):
    """Words: sums in plain sentences, for policies that know some English."""

    ladder: ClassVar[tuple[tuple[int, int], ...]] = ((3, 100), (4, 100))

    kind: Literal["words"] = "words"
    max_steps: int = Field(
        default=6, ge=1, le=20, description="most steps of a story: its difficulty"
    )
    max_value: int = Field(default=99, ge=9, le=999_999, description="largest value on the way")

    @property
    def max_difficulty(self) -> int:
        """The steps of the longest story."""
        return self.max_steps

    def family(self, held_out: Mapping[int, int]) -> WordTasks:
        """Return the family of stories."""
        return WordTasks(held_out, max_steps=self.max_steps, max_value=self.max_value)
