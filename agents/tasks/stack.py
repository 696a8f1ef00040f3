"""The stack language: tiny programs over whole numbers, and the table of what short ones do.

The input lies on the stack. A digit is pushed, `d` pushes what lies on top again, `s` swaps the two
on top, and `a`, `b` and `m` add, subtract and multiply them, modulo M. A program is right about an
input when its output is all that is left: `3adm` is (x+3)*(x+3).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

INPUTS = range(10)  # what programs are asked about
LONGEST = 64  # letters of a program that is run
SQUARE = "dm"
_SIGNS = {"a": "+", "b": "-", "m": "*"}
# adding, subtracting and multiplying by a digit, where that does something; and squaring
STEPS = (*(f"{digit}{op}" for op in "abm" for digit in range(1, 10)), SQUARE)

Behaviour = tuple[int, ...]  # the output for each input


def run(program: str, given: int, modulus: int) -> int | None:
    """Run a program; None where it is none, or leaves more or less than one number."""
    if len(program) > LONGEST:
        return None
    stack = [given % modulus]
    for letter in program:
        if not _do(letter, stack, modulus):
            return None
    return stack[0] if len(stack) == 1 else None


def _do(letter: str, stack: list[int], modulus: int) -> bool:
    """Do one letter; say whether it could be done."""
    if letter in "0123456789":
        stack.append(int(letter) % modulus)
    elif letter == "d" and stack:
        stack.append(stack[-1])
    elif letter in "sabm" and len(stack) > 1:
        top, below = stack.pop(), stack.pop()
        match letter:
            case "s":
                stack += [top, below]
            case "a":
                stack.append((below + top) % modulus)
            case "b":
                stack.append((below - top) % modulus)
            case _:
                stack.append(below * top % modulus)
    else:
        return False
    return True


def python(steps: list[str], modulus: int) -> str:
    """Return the Python function that does what steps do."""
    lines = [f"    x = ({_expression(step)}) % {modulus}\n" for step in steps]
    return "".join(["def f(x):\n", *lines, "    return x\n"])


def _expression(step: str) -> str:
    operand = "x" if step == SQUARE else step[0]
    return f"x {_SIGNS[step[1]]} {operand}"


@dataclass(frozen=True, slots=True)
class Table:
    """The behaviours of short programs: `levels[n]` those that take n steps, with a program."""

    levels: tuple[Mapping[Behaviour, str], ...]

    def matching(self, pairs: tuple[tuple[int, int], ...]) -> dict[Behaviour, str]:
        """Return the behaviours of fewest steps that have these outputs, with their programs."""
        for level in self.levels:
            found = {
                behaviour: program
                for behaviour, program in level.items()
                if all(behaviour[given] == output for given, output in pairs)
            }
            if found:
                return found
        return {}


@lru_cache
def table(modulus: int, steps: int) -> Table:
    """Work out what all programs of up to so many steps do."""
    identity = tuple(given % modulus for given in INPUTS)
    level: dict[Behaviour, str] = {identity: ""}
    levels, known = [level], {identity}
    for _ in range(steps):
        level = _longer(level, known, modulus)
        known |= level.keys()
        levels.append(level)
    return Table(tuple(levels))


def _longer(
    level: Mapping[Behaviour, str], known: set[Behaviour], modulus: int
) -> dict[Behaviour, str]:
    longer: dict[Behaviour, str] = {}
    for behaviour, program in level.items():
        for step in STEPS:
            after = _after(behaviour, step, modulus)
            if after not in known:
                longer.setdefault(after, program + step)
    return longer


def _after(behaviour: Behaviour, step: str, modulus: int) -> Behaviour:
    if step == SQUARE:
        return tuple(x * x % modulus for x in behaviour)
    digit = int(step[0])
    match step[1]:
        case "a":
            return tuple((x + digit) % modulus for x in behaviour)
        case "b":
            return tuple((x - digit) % modulus for x in behaviour)
        case _:
            return tuple(x * digit % modulus for x in behaviour)
