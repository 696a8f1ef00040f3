"""The herald: says what the trainer has to say of each version, as soon as it is due.

Where rounds are played ahead of the trainer, what it says would stand in the log wherever it was
just ready, and two runs of one seed would part there. So all that there is to say of version v is
said right after round v + `ahead` has ended, when the society waits for it, or after play has.
"""

from collections import deque
from collections.abc import Callable, Sequence
from threading import Lock

from simctl.bus.event import Draft, Event
from simctl.bus.messages import (
    AnyMessage,
    BatchBuilt,
    PolicyUpdated,
    SampleDropped,
    UnknownMessage,
)
from simctl.store.said import Said

ROUND_ENDED, PLAY_ENDED = "round_ended", "play_ended"
Publish = Callable[[Sequence[Draft]], Sequence[Event]]


class BatchDiffersError(Exception):
    """The log holds another batch for this version than its events give now."""


class Herald:
    """Keeps what is not due. It may be told in one thread and hear the log in another."""

    def __init__(self, publish: Publish, ahead: int, version: int) -> None:
        """Say by `publish` what is due; the rounds up to `version` have ended."""
        self._publish = publish
        self._ahead = ahead
        self._due = version - ahead  # versions up to this one are spoken of
        self._untold: deque[tuple[int, Sequence[Draft]]] = deque()
        self._turn = Lock()

    def tell(self, version: int, drafts: Sequence[Draft]) -> None:
        """Say this of a version, now or when it is due.

        Raises:
            BatchDiffersError: the log has something else in its place.
        """
        with self._turn:
            self._untold.append((version, drafts))
            self._say_what_is_due()

    def hear(self, event: Event | Said) -> None:
        """Take note of a round that ended, and say what is due now.

        Raises:
            BatchDiffersError: the log has something else in its place.
        """
        if event.kind not in {ROUND_ENDED, PLAY_ENDED}:
            return
        with self._turn:
            ahead = self._ahead if event.kind == ROUND_ENDED else 0
            self._due = max(self._due, event.round - ahead)
            self._say_what_is_due()

    def _say_what_is_due(self) -> None:
        while self._untold and self._untold[0][0] <= self._due:
            _, drafts = self._untold.popleft()
            _compare(drafts, self._publish(drafts))


def _compare(said: Sequence[Draft], logged: Sequence[Event]) -> None:
    """Refuse to go on where an earlier attempt at this round built another batch.

    What was learnt from it is proved by the hash of the weights.
    """
    for ours, event in zip(said, logged, strict=False):  # without a log there is nothing
        if event.message != ours.message and not isinstance(ours.message, PolicyUpdated):
            raise BatchDiffersError(
                f"round {event.round}: the log has {_words(event.message)} at seq {event.seq}, "
                f"its events now give {_words(ours.message)}. Was the run begun with another "
                "recipe or version of simctl?"
            )


def _words(message: AnyMessage | UnknownMessage) -> str:
    match message:
        case BatchBuilt():
            return f"batch {message.digest[:12]}..."
        case SampleDropped():
            return f"{message.reason} for dropping {message.sources}"
        case _:
            return message.kind
