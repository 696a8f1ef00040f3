"""Pupils: the class whose members the school's solver imitates without being told who they are.

A few are careful, the others hold misconceptions through a whole solution, and everybody slips. So
the greedy answer is often a habit, while the right one stays within reach of sampling.
"""

from dataclasses import KW_ONLY, dataclass
from random import Random

from simctl.agents.tasks.chain import STEP, Problem, apply, draw, solve

CAREFUL = 0.08  # share of the class that holds no misconception
# how common each misconception is among the others, and how often it shows where it applies
REVERSES, KEEPS_TENS, SATURATES = 0.72, 0.30, 0.15
HABIT = 0.85
SLIPS = 0.035  # share of steps at which anybody writes a random digit
MISREADS = 0.002  # share of steps at which anybody works out another operation
# In views others write as well. The stubborn are wrong wherever they err, which makes errors that
# look right; strangers write values that can only be read, never guessed.
STUBBORN, STUBBORN_HOLDS = 0.35, 0.6
STRANGERS, STRANGER_MISREADS = 0.2, 0.02
STRANGER_SLIPS = (0.2, 0.8)
UNFINISHED = 0.02  # share of attempts that stop early
_DIGITS = 10
_TRIES = 20


@dataclass(frozen=True, slots=True)
class Pupil:
    """One member of the class: its misconceptions, and how often each thing happens to it."""

    reverses: bool = False
    keeps_tens: bool = False
    saturates: bool = False
    _: KW_ONLY
    habit: float = 1.0
    slips: float = 0.0
    misreads: float = 0.0

    def value(self, previous: int, operation: str) -> int:
        """Return what this pupil's misconceptions make of an operation."""
        digit = int(operation[1])
        match operation[0]:
            case "-" if self.reverses:
                return (digit - previous) % _DIGITS
            case "*" if self.keeps_tens and previous * digit >= _DIGITS:
                return previous * digit // _DIGITS
            case "+" if self.saturates and previous + digit >= _DIGITS:
                return _DIGITS - 1
            case _:
                return apply(previous, operation)

    def solve(self, problem: Problem, rng: Random) -> str:
        """Write a derivation; a wrong value is carried on."""
        value, steps = problem.start, []
        for label, operation in problem.operations:
            read = _other(rng) if rng.random() < self.misreads else operation
            value = self._work_out(value, read, rng)
            steps.append(f"{label}{read}={value}")
        return "".join(steps)

    def _work_out(self, previous: int, operation: str, rng: Random) -> int:
        if rng.random() < self.slips:
            return rng.randrange(_DIGITS)
        return (self.value if rng.random() < self.habit else apply)(previous, operation)


def _other(rng: Random) -> str:
    [(_, operation)] = draw(1, rng).operations
    return operation


def pupil(rng: Random) -> Pupil:
    """Draw a member of the class; whoever is not careful holds one misconception at least."""
    if rng.random() < CAREFUL:
        return Pupil(slips=SLIPS, misreads=MISREADS)
    shares = (REVERSES, KEEPS_TENS, SATURATES)
    reverses, keeps_tens, saturates = (rng.random() < share for share in shares)
    reverses = reverses or not (keeps_tens or saturates)
    return Pupil(reverses, keeps_tens, saturates, habit=HABIT, slips=SLIPS, misreads=MISREADS)


def class_solution(problem: Problem, rng: Random) -> str:
    """Solve the problem as somebody in the class would."""
    return pupil(rng).solve(problem, rng)


def seen_solution(problem: Problem, rng: Random) -> str:
    """Write what a view may hold: the work of the class, of the stubborn or of a stranger."""
    who = rng.random()
    if who < STUBBORN:
        stubborn = Pupil(*(rng.random() < STUBBORN_HOLDS for _ in range(3)), slips=SLIPS)
        return stubborn.solve(problem, rng)
    if who < STUBBORN + STRANGERS:
        stranger = Pupil(slips=rng.choice(STRANGER_SLIPS), misreads=STRANGER_MISREADS)
        return stranger.solve(problem, rng)
    return class_solution(problem, rng)


def attempt(problem: Problem, rng: Random) -> str:
    """Write an attempt to be criticised; now and then it is left unfinished."""
    written, steps = seen_solution(problem, rng), len(problem.operations)
    if steps > 1 and rng.random() < UNFINISHED:
        return written[: STEP * rng.randrange(1, steps)]
    return written


def flawed_attempt(problem: Problem, rng: Random) -> str:
    """Write an attempt that is not right."""
    right = solve(problem)
    written = (attempt(problem, rng) for _ in range(_TRIES))
    return next((each for each in written if each != right), _spoilt(right))


def _spoilt(right: str) -> str:
    """Make the first value wrong."""
    wrong = (int(right[STEP - 1]) + 1) % _DIGITS
    return f"{right[: STEP - 1]}{wrong}{right[STEP:]}"
