"""A form: how a question becomes a prompt, and how the answer to it is read."""

from dataclasses import dataclass
from typing import Literal, Protocol

from simctl.agents.policy.sampler import Prompt

Turn = Literal[
    "pose",  # a problem
    "extend",  # further steps of a problem that is there
    "plant",  # a wrong step that looks right
    "solve",
    "hinted",  # solve with a part of a solution in view
    "revise",  # solve with an own attempt and what was said of it in view
    "act",  # one action among several
    "criticise",
    "check",  # criticise with a reference in view
    "value",
    "judge",  # whether a problem is a proper one
    "hint",  # the next step
    "teach",  # solve with a reference in view
    "remind",  # solve with an attempt and what was said of it in view
    "retell",  # solve under a view that shows nothing
]


@dataclass(frozen=True, slots=True)
class Question:
    """What a role is asked. `partial` is the right beginning that its answer goes on from.

    `problem` is the one to extend where one is to be extended; `seen` is the reference, hint or
    critique in view; `history` holds the actions so far with what followed from each.
    """

    turn: Turn
    problem: str = ""
    attempt: str = ""
    partial: str = ""
    seen: str = ""
    history: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer as the family writes it, and why it could not be read, if it could not."""

    text: str
    unread: str = ""


class Form(Protocol):
    """How a policy speaks with the society. Pure: the same question gives the same prompt."""

    @property
    def accepting(self) -> str:
        """The answer to `value` of which the probability is the value."""
        ...

    def put(self, question: Question) -> Prompt:
        """Return the prompt of a question."""
        ...

    def read(self, question: Question, said: str) -> Reading:
        """Return what was said as the family and the verifier write it."""
        ...
