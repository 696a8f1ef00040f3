"""Program: write a tiny program that gives these outputs for these inputs.

Problem `0=3.2=5.7=0.9=2` shows outputs for four of ten inputs, and `3a`, in the language of
stack.py, gives them: x+3 modulo 10. In the Python language the answer is a function `f` of one
whole number, run in the sandbox. Either is judged on all ten inputs. The outputs for those that
are not shown are those of the shortest program that fits, and a problem in which shortest programs
differ does not pass. Difficulty is the number of steps of that program, two letters each.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile
from random import Random
from typing import ClassVar, Literal

from pydantic import Field

from simctl.agents.tasks import stack
from simctl.agents.tasks.environment import Checked, Grade, TaskError
from simctl.agents.tasks.family import Family
from simctl.agents.tasks.sandbox import OUTCOMES, Ran, Sandbox
from simctl.agents.tasks.settings import TaskSettings
from simctl.agents.tasks.stack import INPUTS, STEPS, Behaviour, Table
from simctl.agents.tasks.verdicts import DEGENERATE_SHARE, RIGHT, WRONG

_PATIENCE = 1000  # draws before a difficulty counts as impossible
_FLAWS = 50  # tries to find a wrong program near the right one
_PROBLEM = re.compile(r"[0-9]=[0-9]{1,6}(?:\.[0-9]=[0-9]{1,6})*")
_STEP = re.compile(r"[0-9d][abm]|[\s\S]")
_BLOCK = re.compile(r"```(?:python|py)?[ \t]*\n([\s\S]*?)```")


@dataclass(frozen=True, slots=True)
class Problem:
    """Inputs with their outputs."""

    pairs: tuple[tuple[int, int], ...]

    def __str__(self) -> str:
        """The problem as it is posed."""
        return ".".join(f"{given}={output}" for given, output in self.pairs)


def parse(text: str) -> Problem | None:
    """Read a problem, or return None when the text is none."""
    if _PROBLEM.fullmatch(text) is None:
        return None
    cut = (pair.split("=") for pair in text.split("."))
    problem = Problem(tuple((int(given), int(output)) for given, output in cut))
    return problem if str(problem) == text else None  # 07 is no number


class Language:
    """How programs are written and run."""

    def __init__(self, modulus: int, sandbox: Sandbox | None) -> None:
        """Run Python in a sandbox; without one, programs are of the stack language."""
        self._modulus, self._sandbox = modulus, sandbox
        self.run = lru_cache(maxsize=1024)(self._run)  # what is graded is also criticised

    def write(self, program: str) -> str:
        """Return a program of the stack language in this one."""
        return program if self._sandbox is None else stack.python(_cut(program), self._modulus)

    def steps(self, program: str) -> list[str]:
        """Cut a program into steps: two letters, or a line."""
        return _cut(program) if self._sandbox is None else program.splitlines(keepends=True)

    def _run(self, attempt: str) -> Ran:
        if self._sandbox is not None:
            blocks = _BLOCK.findall(attempt)
            return self._sandbox.run(blocks[-1] if blocks else attempt, INPUTS)
        outputs = tuple(stack.run(attempt, given, self._modulus) for given in INPUTS)
        return Ran(outcome="finished", outputs=outputs)

    def run_all(self, attempts: Iterable[str]) -> None:
        """Run programs side by side where they take a process each; `run` then has the results."""
        if self._sandbox is not None:
            with ThreadPoolExecutor(self._sandbox.at_once) as pool:
                list(pool.map(self.run, dict.fromkeys(attempts)))

    @property
    def outcomes(self) -> Sequence[str]:
        """The ends of a program that a grade tells."""
        return () if self._sandbox is None else OUTCOMES


def _cut(program: str) -> list[str]:
    return _STEP.findall(program)


class ProgramTasks(Family[Problem]):
    """The family of programs. Problems that show the same pairs, in any order, are the same.

    `progress` is the share of inputs with the right output. In the Python language each way in
    which a program can end is a part that is 1 where it did, see sandbox.py: so verifiers that
    fail are counted in the log.
    """

    name = "program"

    def __init__(self, held_out: Mapping[int, int], settings: "ProgramSettings") -> None:
        """Ask for programs of the language that the settings name.

        Raises:
            SandboxRefusedError: it is Python, which cannot be locked in here.
        """
        self._settings = settings
        python = settings.language == "python"
        if python:
            settings.sandbox.require()
        self._language = Language(settings.modulus, settings.sandbox if python else None)
        super().__init__(held_out, settings.max_steps)

    @property
    def _table(self) -> Table:
        return stack.table(self._settings.modulus, self._settings.max_steps)

    def parse(self, text: str) -> Problem | None:
        """Read a problem, or return None when the text is none."""
        return parse(text)

    def sample(self, difficulty: int, rng: Random, *, idle: bool = False) -> Problem:
        """Draw what a program does, and inputs that tell it from every other of its length."""
        if not 1 <= difficulty <= self.max_difficulty:
            raise TaskError(f"program has no problems of {difficulty} steps")
        behaviours = list(self._table.levels[difficulty])
        drawn = None
        for _ in range(_PATIENCE):
            behaviour = rng.choice(behaviours)
            given = sorted(rng.sample(INPUTS, self._settings.examples))
            problem = Problem(tuple((each, behaviour[each]) for each in given))
            if list(self._matching(problem)) == [behaviour]:
                drawn = problem
                if (_idle_share(problem) >= DEGENERATE_SHARE) == idle:
                    return problem
        if drawn is None:
            shown = self._settings.examples
            raise TaskError(
                f"{shown} examples do not tell programs of {difficulty} steps apart; "
                "let task.examples be more or task.max_steps less"
            )
        return drawn

    def signature(self, problem: Problem) -> str:
        """Return the pairs in the order of their inputs."""
        return str(Problem(tuple(sorted(problem.pairs))))

    @property
    def gates(self) -> Mapping[str, Callable[[Problem], bool]]:
        """Inputs differ, outputs are in range, and one program of fewest steps fits."""
        return {
            "inputs": lambda problem: (
                len({given for given, _ in problem.pairs}) == len(problem.pairs) < len(INPUTS)
            ),
            "outputs": lambda problem: all(
                output < self._settings.modulus for _, output in problem.pairs
            ),
            "solvable": lambda problem: any(map(bool, self._matching(problem).values())),
            "determined": lambda problem: len(self._matching(problem)) == 1,
        }

    def facts(self, problem: Problem) -> Checked:
        """Return the shortest program, and as its path that with its values for the first input.

        Degenerate is a pair whose output is its input, or that of an earlier pair.
        """
        _, program = self._right(problem)
        return Checked(
            gates={},
            difficulty=len(_cut(program)),
            degenerate=_idle_share(problem),
            reference=self._language.write(program),
            path=self._worked(program, problem.pairs[0][0]),
        )

    def grade(self, problem: Problem, attempt: str) -> Grade:
        """Run a program on every input; any that gives the right outputs will do."""
        behaviour, program = self._right(problem)
        ran = self._language.run(attempt)
        right = _agreement(ran, behaviour)
        correct = right == len(behaviour)
        ends = {each: float(ran.outcome == each) for each in self._language.outcomes}
        parts = {"correct": float(correct), "progress": right / len(behaviour), **ends}
        return Grade(parts=parts, first_wrong=None if correct else self._shared(program, attempt))

    def prepare(self, attempts: Sequence[str]) -> None:
        """Run the programs that are going to be graded."""
        self._language.run_all(attempts)

    def critique_of(self, problem: Problem, attempt: str) -> str:
        """Write each input that is shown, the program's output and a verdict, up to a wrong one.

        `0=3.2=6!` for a program that gives 6 where 5 is wanted. The output is left out where there
        is none, and a lone `!` stands at the end where only inputs that are not shown go wrong.
        """
        behaviour, _ = self._right(problem)
        ran, written = self._language.run(attempt), list[str]()
        for given, wanted in problem.pairs:
            output = ran.outputs[given] if ran.outputs else None
            told = f"{given}" if output is None or output < 0 else f"{given}={output}"
            if output != wanted:
                return "".join([*written, told, WRONG])
            written.append(f"{told}{RIGHT}")
        return "".join(written) + ("" if _agreement(ran, behaviour) == len(behaviour) else WRONG)

    def flaw(self, problem: Problem, rng: Random) -> str:
        """Exchange a step of the right program for another."""
        behaviour, program = self._right(problem)
        steps = _cut(program)
        for _ in range(_FLAWS):
            at = rng.randrange(len(steps))
            changed = "".join((*steps[:at], rng.choice(STEPS), *steps[at + 1 :]))
            if any(
                stack.run(changed, given, self._settings.modulus) != behaviour[given]
                for given in INPUTS
            ):
                return self._language.write(changed)
        return self._language.write(f"{program}1a")

    def steps(self, attempt: str) -> list[str]:
        """Cut a program into steps: two letters of the stack language, or a line of Python."""
        return self._language.steps(attempt)

    def answer_of(self, attempt: str) -> str:
        """Return the outputs of a program: programs that do the same agree."""
        outputs = self._language.run(attempt).outputs
        return "" if None in outputs else ".".join(map(str, outputs))

    def skills(self, problem: str) -> tuple[str, ...]:
        """Return the steps of the shortest program."""
        return tuple(dict.fromkeys(_cut(self._right(self.proper(problem))[1])))

    def _right(self, problem: Problem) -> tuple[Behaviour, str]:
        [right] = self._matching(problem).items()
        return right

    def _matching(self, problem: Problem) -> dict[Behaviour, str]:
        return self._table.matching(problem.pairs)

    def _worked(self, program: str, given: int) -> str:
        steps, modulus = _cut(program), self._settings.modulus
        begun = ("".join(steps[: at + 1]) for at in range(len(steps)))
        values = (stack.run(each, given, modulus) for each in begun)
        return "".join(f"{step}={value}" for step, value in zip(steps, values, strict=True))

    def _shared(self, program: str, attempt: str) -> int:
        """Return how many steps an attempt has in common with the right program."""
        right = self._language.steps(self._language.write(program))
        pairs = zip(right, self._language.steps(attempt), strict=False)
        return len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))


def _agreement(ran: Ran, behaviour: Behaviour) -> int:
    outputs = ran.outputs or (None,) * len(behaviour)
    return sum(told == right for told, right in zip(outputs, behaviour, strict=True))


def _idle_share(problem: Problem) -> float:
    outputs = [output for _, output in problem.pairs]
    idle = sum(
        output == given or output in outputs[:at]
        for at, (given, output) in enumerate(problem.pairs)
    )
    return idle / len(problem.pairs)


class ProgramSettings(TaskSettings):
    """Program: write a tiny program that gives these outputs for these inputs."""

    ladder: ClassVar[tuple[tuple[int, int], ...]] = ((2, 200), (3, 100))

    kind: Literal["program"] = "program"
    language: Literal["stack", "python"] = Field(
        default="stack",
        description='"stack" of two-letter steps, or "python" in a sandbox, for large models',
    )
    max_steps: int = Field(
        default=3, ge=1, le=4, description="steps of the longest program: its difficulty"
    )
    examples: int = Field(
        default=4, ge=2, lt=len(INPUTS), description="how many of the ten inputs are shown"
    )
    modulus: int = Field(
        default=10, ge=10, le=1_000_000, description="numbers are counted up to this"
    )
    sandbox: Sandbox = Field(default=Sandbox(), description="the limits of a Python program")

    @property
    def max_difficulty(self) -> int:
        """The steps of the longest program."""
        return self.max_steps

    def family(self, held_out: Mapping[int, int]) -> ProgramTasks:
        """Return the family of programs."""
        return ProgramTasks(held_out, self)
