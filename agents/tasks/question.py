"""Questions: how problems of the graph family and attempts at them are written."""

import re
from dataclasses import dataclass

from simctl.agents.tasks.world import Fact

_PROBLEM = re.compile(r"((?:[0-9]{1,6}[a-z]=[0-9]{1,6}\.)*)([0-9]{1,6})([a-z]+)")
_STEP = re.compile(r"[a-z]=[0-9]+|=[0-9]+|[\s\S]")
_HOP = re.compile(r"[a-z]=[0-9]+")
_ANSWER = re.compile(r"(?:[a-z]=[0-9]+)+|(?:[a-z]=[0-9]+)*=[0-9]+")


@dataclass(frozen=True, slots=True)
class Problem:
    """The facts that are shown, an entity, and the relations to follow from it."""

    facts: tuple[Fact, ...]
    start: int
    relations: str

    def __str__(self) -> str:
        """The problem as it is posed."""
        return "".join(f"{fact}." for fact in self.facts) + self.question

    @property
    def question(self) -> str:
        """The problem without its facts."""
        return f"{self.start}{self.relations}"


def parse(text: str) -> Problem | None:
    """Read a problem, or return None when the text is none."""
    match = _PROBLEM.fullmatch(text)
    if match is None:
        return None
    facts = tuple(_fact(shown) for shown in match[1].split(".")[:-1])
    problem = Problem(facts, int(match[2]), match[3])
    return problem if str(problem) == text else None  # 07 is no number


def _fact(text: str) -> Fact:
    left, _, other = text.partition("=")
    return Fact(int(left[:-1]), left[-1], int(other))


def steps(attempt: str) -> list[str]:
    """Cut an attempt into hops `k=7` and stated answers `=7`; what is neither stands alone."""
    return _STEP.findall(attempt)


@dataclass(frozen=True, slots=True)
class Told:
    """An attempt: its hops, and the answer that it states after them, if it does."""

    hops: tuple[str, ...]
    stated: str | None

    @property
    def entities(self) -> list[str]:
        """The entities that are named, in order."""
        named = [hop.partition("=")[2] for hop in self.hops if "=" in hop]
        return named if self.stated is None else [*named, self.stated]


def read(attempt: str) -> Told:
    """Read an attempt, whatever it is."""
    cut = steps(attempt)
    if cut and cut[-1].startswith("=") and len(cut[-1]) > 1:
        return Told(tuple(cut[:-1]), cut[-1][1:])
    return Told(tuple(cut), None)


def is_hop(step: str) -> bool:
    """Whether a step names a relation and what it reaches."""
    return _HOP.fullmatch(step) is not None


def is_answer(action: str) -> bool:
    """Whether an action ends with an entity, after hops or alone."""
    return _ANSWER.fullmatch(action) is not None
