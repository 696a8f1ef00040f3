"""Spending: how many tokens and seconds a run has taken so far, counted as learning_curve does."""

from dataclasses import dataclass

from simctl.bus.answers import ExamTaken
from simctl.bus.event import Event
from simctl.bus.messages import BatchBuilt

_GAPS = frozenset({"run_resumed", "run_forked"})  # before these nothing was played


@dataclass(frozen=True)
class Spent:
    """What was spent: tokens sampled, those and the ones that a teacher scored again, and time."""

    sampled_tokens: int = 0
    spent_tokens: int = 0
    seconds: float = 0.0


class Spending:
    """Counts what is spent, event by event."""

    def __init__(self) -> None:
        """Begin with nothing spent."""
        self._sampled = self._teacher = self._us = 0
        self._last_us: int | None = None

    @property
    def spent(self) -> Spent:
        """What was spent up to the last event that was heard."""
        return Spent(self._sampled, self._sampled + self._teacher, self._us / 1e6)

    def hear(self, event: Event) -> bool:
        """Take in an event, in the order of the log; tell whether time was lost before it."""
        gap = event.kind in _GAPS
        if self._last_us is not None and not gap:
            self._us += event.wall_us - self._last_us
        elif self._last_us is not None:
            self._us += min(event.wall_us - self._last_us, 0)  # a clock that was set back
        self._last_us = event.wall_us
        if event.utterance is not None and event.policy_version is not None:
            self._sampled += len(event.utterance.tokens)
        match event.message if event.kind in ("exam_taken", "batch_built") else None:
            case ExamTaken(tokens=tokens):
                self._sampled += tokens
            case BatchBuilt(teacher_tokens=tokens):
                self._teacher += tokens
            case _:
                pass
        return gap
