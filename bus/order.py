"""The order of a round that does not depend on who was faster.

Episodes of a round are interleaved, and what one of them asks at once is answered in any order, by
one process or by many. What an episode says itself is in the order of the log, and its asks are.
"""

from typing import Protocol

from simctl.bus.answers import AnyAnswer

_ANSWERS = frozenset(str(cls.model_fields["kind"].default) for cls in AnyAnswer.__args__)


class Placed(Protocol):
    """An event, or what is read of one."""

    @property
    def seq(self) -> int:
        """Its place in the log."""
        ...

    @property
    def kind(self) -> str:
        """The kind of its message."""
        ...

    @property
    def episode(self) -> str:
        """The episode that it belongs to."""
        ...

    @property
    def cause(self) -> int | None:
        """The seq of what led to it: of an answer, the ask."""
        ...


def as_asked(event: Placed) -> tuple[str, int, int]:
    """Return what to sort by: the episode, then the ask or the own place, then the own place."""
    asked = event.cause if event.kind in _ANSWERS and event.cause is not None else event.seq
    return event.episode, asked, event.seq
