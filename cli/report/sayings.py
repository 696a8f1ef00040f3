"""Sayings: a few answers of each round, as the table of completions that TRL's trainers log."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from simctl.bus.event import Event
from simctl.bus.messages import AnswerGraded

Reader = Callable[[Sequence[int]], str]
PER_ROLE = 2  # answers of a round that are shown


@dataclass(frozen=True)
class Saying:
    """An answer: who gave it to what, and what it earned. Its fields are the table's columns."""

    step: int
    role: str
    prompt: str
    completion: str
    reward: float | None
    parts: str
    seq: int  # of the event that holds it


COLUMNS = tuple(Saying.__dataclass_fields__)


class Sayings:
    """Keeps the first answers of every role in a round, with their grades."""

    def __init__(self, read: Reader) -> None:
        """Read tokens with `read`."""
        self._read = read
        self._said: dict[int, Event] = {}
        self._grades: dict[int, AnswerGraded] = {}
        self._kept: dict[str, int] = {}

    def hear(self, event: Event) -> None:
        """Take in an event of the round."""
        if event.kind == "answer_graded" and isinstance(event.message, AnswerGraded):
            if event.message.of in self._said:
                self._grades[event.message.of] = event.message
        elif event.utterance is not None and event.utterance.tokens:
            kept = self._kept.get(event.sender, 0)
            if kept < PER_ROLE:
                self._kept[event.sender] = kept + 1
                self._said[event.seq] = event

    def take(self) -> tuple[Saying, ...]:
        """Return what was kept, and begin the next round."""
        told = tuple(self._saying(event) for event in self._said.values())
        self._said, self._grades, self._kept = {}, {}, {}
        return told

    def _saying(self, event: Event) -> Saying:
        said, grade = event.utterance, self._grades.get(event.seq)
        return Saying(
            step=event.round,
            role=event.sender,
            prompt=self._read(said.prompt_tokens if said else ()),
            completion=self._read(said.tokens if said else ()),
            reward=grade.reward if grade else None,
            parts=" ".join(f"{k}={v:g}" for k, v in grade.parts.items()) if grade else "",
            seq=event.seq,
        )


def rows(sayings: Sequence[Saying]) -> list[Any]:
    """Return the rows of the table."""
    return [list(asdict(each).values()) for each in sayings]
