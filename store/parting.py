"""The parting of two logs: how far they are one, found by halves over the hash chain."""

from collections.abc import Iterator
from typing import Protocol

from simctl.bus.event import Event
from simctl.store.difference import differences


class Readable(Protocol):
    """A log as far as it came."""

    @property
    def last_seq(self) -> int:
        """The seq of the last event; 0 when there is none."""
        ...

    def read(self, after: int = 0, until: int | None = None) -> Iterator[Event]:
        """Give the events with `after` < seq <= `until`, in order."""
        ...


def event_at(log: Readable, seq: int) -> Event | None:
    """Return the event at a place; None where the log has none."""
    return next(log.read(seq - 1, seq), None) if seq > 0 else None


def shared(one: Readable, other: Readable) -> int:
    """Return how many events two logs begin with in common.

    The hash of an event covers all before it, so that two point reads of each log halve the rest.
    """
    same, most = 0, min(one.last_seq, other.last_seq)
    while same < most:
        middle = (same + most + 1) // 2
        if _hash_at(one, middle) == _hash_at(other, middle):
            same = middle
        else:
            most = middle - 1
    return same


def next_difference(one: Readable, other: Readable, after: int) -> int | None:
    """Return the next place after `after` where two logs say that different things happened.

    It leaves the chain aside, which differs for ever once it does; None where one of them ends.
    """
    until = min(one.last_seq, other.last_seq)
    for ours, theirs in zip(one.read(after, until), other.read(after, until), strict=True):
        if differences(ours, theirs):
            return ours.seq
    return None


def _hash_at(log: Readable, seq: int) -> str | None:
    event = event_at(log, seq)
    return None if event is None else event.hash
