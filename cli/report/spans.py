"""Spans: a log as traces. Pure.

An episode is a trace, and each of its messages a span below the one that caused it. A round is one,
too: its policy update is linked to the messages that it learnt from. All ids follow from the log,
so that what is told twice is the same span twice.
"""

import hashlib
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from simctl.bus.event import Event

Attribute = str | int | float | bool | Sequence[str]
Place = tuple[int, int]  # a trace and a span in it


@dataclass
class Span:
    """Something that took a time, in microseconds since the epoch; `caller` waits for a model."""

    name: str
    trace: int
    id: int
    parent: int | None
    start_us: int
    end_us: int
    attributes: Mapping[str, Attribute]
    links: tuple[Place, ...] = ()
    kind: Literal["internal", "client"] = "internal"
    failure: str = ""
    asks: bool = False  # it lasts until it is answered


@dataclass
class Trace:
    """Spans that belong together and are not all there yet. The first is the root of all."""

    id: int
    root: Span
    spans: dict[int, Span] = field(default_factory=dict)  # by seq

    def add(self, seq: int, span: Span) -> None:
        """Take in a span; the root lasts as long as anything below it."""
        self.spans[seq] = span
        self.root.end_us = max(self.root.end_us, span.end_us)


class Places:
    """Where in which trace each event is, and when it was said; 32 bytes an event."""

    def __init__(self) -> None:
        """Begin with no event heard."""
        self._namespace = ""
        self._spans, self._high, self._low = array("Q"), array("Q"), array("Q")
        self._walls = array("q")

    def trace(self, event: Event, what: str) -> int:
        """Return the id of the trace that begins with an event; `what` it is of."""
        return _number(f"{self._space(event)}\n{event.branch}\n{what}", 16)

    def add(self, event: Event, trace: int) -> int:
        """Put the next event into a trace, and return the id of its span."""
        found = _number(f"{self._space(event)}\n{event.seq}\n{event.hash}", 8)
        self._spans.append(found)
        self._high.append(trace >> 64)
        self._low.append(trace & (1 << 64) - 1)
        self._walls.append(event.wall_us)
        return found

    def said_us(self, seq: int) -> int:
        """Return when an event was said."""
        return self._walls[seq - 1]

    def __getitem__(self, seq: int) -> Place:
        at = seq - 1
        return self._high[at] << 64 | self._low[at], self._spans[at]

    def __contains__(self, seq: int) -> bool:
        return 0 < seq <= len(self._spans)

    def _space(self, event: Event) -> str:
        """Return what tells this run from others of its name: its beginning."""
        if not self._namespace:
            self._namespace = f"{event.run}\n{event.hash}\n{event.wall_us}"
        return self._namespace


def _number(text: str, size: int) -> int:
    """Return the beginning of a hash of the text, which is never 0."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:size]) or 1
