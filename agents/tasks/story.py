"""Stories: word problems in plain sentences, read and worked out exactly.

`How many apples does Ava have in the end? Ava has 3 apples. Ava buys 4 more. Ava gives away 2.` is
((3 + 4) - 2) apples. The question comes first, so that a story goes on with another sentence.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

NAMES = ("Ava", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hana", "Ida", "Jon", "Kai", "Lea")
THINGS = ("apples", "books", "cards", "coins", "eggs", "keys", "nuts", "pens", "shells", "stamps")
ADDS = ("buys", "finds", "gets", "wins")
TAKES = ("gives away", "loses", "sells")
SIGNS = "+-*"
IDLE = (("+", 0), ("-", 0), ("*", 1))  # what leaves nothing to work out
_NUMBER = r"([0-9]{1,6})"
_WORD = r"([A-Za-z]{1,20})"
_OPENING = re.compile(
    rf"How many {_WORD} does {_WORD} have in the end\? {_WORD} has {_NUMBER} {_WORD}\."
)
_ADDED = re.compile(rf"({'|'.join(ADDS)}) {_NUMBER} more")
_TAKEN = re.compile(rf"({'|'.join(TAKES)}) {_NUMBER}")
_TIMES = re.compile(rf"(then has) {_NUMBER} times as many")


@dataclass(frozen=True, slots=True)
class Step:
    """What happens: a sign of +-*, a number, and the verb that says it."""

    sign: str
    number: int
    verb: str

    def __str__(self) -> str:
        """The rest of the sentence, after the name."""
        match self.sign:
            case "+":
                return f"{self.verb} {self.number} more"
            case "-":
                return f"{self.verb} {self.number}"
            case _:
                return f"then has {self.number} times as many"

    def apply(self, value: int) -> int:
        """Work it out."""
        match self.sign:
            case "+":
                return value + self.number
            case "-":
                return value - self.number
            case _:
                return value * self.number


@dataclass(frozen=True, slots=True)
class Story:
    """Who has how many of what, and what happens to them."""

    name: str
    thing: str
    start: int
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        """The story as it is told."""
        told = f"How many {self.thing} does {self.name} have in the end? "
        told += f"{self.name} has {self.start} {self.thing}."
        return told + "".join(f" {self.name} {step}." for step in self.steps)

    @property
    def values(self) -> list[int]:
        """How many there are at the beginning, and after each step."""
        values = [self.start]
        for step in self.steps:
            values.append(step.apply(values[-1]))
        return values

    @property
    def equations(self) -> list[tuple[int, str, int, int]]:
        """What is worked out in each step: value, sign, number, value after it."""
        values = self.values
        return [
            (before, step.sign, step.number, after)
            for before, step, after in zip(values, self.steps, values[1:], strict=False)
        ]

    @property
    def signature(self) -> str:
        """The numbers of the story: told of other people and things it is the same."""
        return f"{self.start}" + "".join(f"{step.sign}{step.number}" for step in self.steps)


def parse(text: str) -> Story | None:
    """Read a story, or return None when the text is none."""
    plain = " ".join(text.split())
    opened = _OPENING.match(plain)
    if opened is None:
        return None
    asked, whose, who, start, thing = opened.groups()
    if (asked, whose) != (thing, who):
        return None
    steps = [_step(who, each) for each in plain[opened.end() :].split(".")[:-1]]
    told = Story(who, thing, int(start), tuple(step for step in steps if step is not None))
    return told if None not in steps and str(told) == plain else None


def draw(steps: Sequence[tuple[str, int]], start: int, rng: Random) -> Story:
    """Tell a story of what happens to `start` things."""
    name, thing = rng.choice(NAMES), rng.choice(THINGS)
    verbs = {"+": ADDS, "-": TAKES, "*": ("then has",)}
    told = (Step(sign, number, rng.choice(verbs[sign])) for sign, number in steps)
    return Story(name, thing, start, tuple(told))


def _step(name: str, sentence: str) -> Step | None:
    said = sentence.strip().removeprefix(f"{name} ")
    for sign, pattern in zip(SIGNS, (_ADDED, _TAKEN, _TIMES), strict=True):
        found = pattern.fullmatch(said)
        if found is not None:
            return Step(sign, int(found[2]), found[1])
    return None
