"""The tail: a line for each commit, beside the log, so that a torn log knows what it has lost.

DuckDB opens a log whose last commits were cut off as if they had never been. The tail is written
after a commit and before anybody hears of it, so whatever was acknowledged is told by it.
"""

import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from simctl.bus.event import GENESIS, Event

FILE = "log.tail"


@dataclass(frozen=True)
class Mark:
    """A commit: the last event of it, and how many events of each sender were in it."""

    seq: int
    hash: str
    senders: dict[str, int]


class Tail:
    """The marks since the log was last opened; the first of them stands for all before."""

    def __init__(self, log: Path, last: Mark) -> None:
        """Begin anew beside the file `log`, which ends with `last` and is checkpointed."""
        file = log.with_name(FILE)
        draft = log.with_name(f".{FILE}.{os.getpid()}")
        draft.write_text(_line(last), encoding="utf-8")
        draft.rename(file)
        self._file = file.open("a", encoding="utf-8")

    def append(self, events: Sequence[Event]) -> None:
        """Write a mark for a commit of these events."""
        last, senders = events[-1], Counter(event.sender for event in events)
        self._file.write(_line(Mark(last.seq, last.hash, dict(senders))))
        self._file.flush()

    def close(self) -> None:
        """Release the file."""
        self._file.close()

    def __enter__(self) -> Self:
        """Return the tail itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Release the file."""
        self.close()


def marks(log: Path) -> list[Mark]:
    """Return the marks beside the file `log`; none if there is no tail. A torn line is left out."""
    try:
        lines = log.with_name(FILE).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    found: list[Mark] = []
    for line in lines:
        try:
            fields = json.loads(line)
            found.append(Mark(int(fields["seq"]), str(fields["hash"]), dict(fields["senders"])))
        except (ValueError, KeyError, TypeError):
            break  # what follows a torn line was never acknowledged
    return found


def lost(log: Path, seq: int) -> dict[str, int]:
    """Return how many events of each sender are missing of a log that ends at `seq`."""
    missing: Counter[str] = Counter()
    for mark in marks(log):
        if mark.seq > seq:
            missing.update(mark.senders)
    return dict(missing)


def at_genesis() -> Mark:
    """Return the mark of a log without events."""
    return Mark(0, GENESIS, {})


def _line(mark: Mark) -> str:
    return json.dumps({"seq": mark.seq, "hash": mark.hash, "senders": mark.senders}) + "\n"
