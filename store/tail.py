"""The tail: a line for each commit, beside the log, so that a torn log knows what it has lost.

DuckDB opens a log whose last commits were cut off as if they had never been. The tail is written
after a commit and before anybody hears of it, so whatever was acknowledged is told by it.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from simctl.bus.event import Event
from simctl.store.errors import LogCorruptError
from simctl.store.records import Records

FILE = "log.tail"
_END = 1 << 20  # bytes that hold the last mark, whoever spoke in it


@dataclass(frozen=True)
class Mark:
    """A commit: the last event of it, and how many events of each sender were in it."""

    seq: int
    hash: str
    senders: Mapping[str, int]


class Tail:
    """The marks since the last checkpoint of the log; the first of them stands for all before."""

    def __init__(self, log: Path, last: Mark | None = None) -> None:
        """Go on beside the file `log`, or begin anew with `last`, where it is checkpointed."""
        file = log.with_name(FILE)
        self._log = log
        self._records = Records(file, None if last is None else _line(last))
        if last is None:
            _mend(file, self._records)

    @property
    def size(self) -> int:
        """The bytes of all marks."""
        return self._records.size

    def append(self, events: Sequence[Event]) -> None:
        """Write a mark for a commit of these events.

        Raises:
            OSError: there was no room; nothing of it is there.
        """
        last, senders = events[-1], Counter(event.sender for event in events)
        self.mark(Mark(last.seq, last.hash, senders))

    def mark(self, mark: Mark) -> None:
        """Write a mark.

        Raises:
            OSError: there was no room; nothing of it is there.
        """
        self._records.append(_line(mark))

    def renew(self, last: Mark) -> None:
        """Begin anew: the log ends with `last` and is checkpointed."""
        fresh = Records(self._log.with_name(FILE), _line(last))
        self.close()
        self._records = fresh

    def close(self) -> None:
        """Release the file."""
        self._records.close()

    def __enter__(self) -> Self:
        """Return the tail itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Release the file."""
        self.close()


def marks(log: Path) -> list[Mark]:
    """Return the marks beside the file `log`; none if there is no tail. A torn line is left out."""
    try:
        text = log.with_name(FILE).read_bytes()
    except FileNotFoundError:
        return []
    return _parsed(text)


def last_mark(log: Path) -> Mark | None:
    """Return the last of the marks, without reading them all."""
    try:
        with log.with_name(FILE).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _END))
            text = file.read()
    except FileNotFoundError:
        return None
    if size > _END:
        text = text.partition(b"\n")[2]
    return next(reversed(_parsed(text)), None)


def lost(log: Path, seq: int) -> dict[str, int]:
    """Return how many events of each sender are missing of a log that ends at `seq`."""
    missing: Counter[str] = Counter()
    for mark in marks(log):
        if mark.seq > seq:
            missing.update(mark.senders)
    return dict(missing)


def compare(log: Path, seq: int, hash_at: Callable[[int], str | None]) -> None:
    """Compare the file `log`, which ends at `seq`, with what was acknowledged of it.

    `hash_at` tells the hash that the file has at a seq.

    Raises:
        LogCorruptError: events are missing, or others than those that were acknowledged are there.
    """
    mark = last_mark(log)
    if mark is None or mark.seq == 0:
        return
    repair = f"run `simctl store repair {log.parent}`"
    if mark.seq > seq:
        told = ", ".join(f"{sender} {count}" for sender, count in lost(log, seq).items())
        raise LogCorruptError(
            f"{mark.seq - seq} acknowledged events are missing of {log} ({told}): {repair}"
        )
    if hash_at(mark.seq) != mark.hash:
        raise LogCorruptError(
            f"event {mark.seq} of {log} is not the one that was acknowledged: {repair}"
        )


def _mend(file: Path, records: Records) -> None:
    """Cut off a torn last line: what follows it would not be read."""
    whole = file.read_bytes().rfind(b"\n") + 1
    if whole < records.size:
        records.cut(whole)


def _line(mark: Mark) -> bytes:
    line = {"seq": mark.seq, "hash": mark.hash, "senders": dict(mark.senders)}
    return (json.dumps(line) + "\n").encode()


def _parsed(text: bytes) -> list[Mark]:
    found: list[Mark] = []
    for line in text.splitlines():
        try:
            fields = json.loads(line)
            found.append(Mark(int(fields["seq"]), str(fields["hash"]), dict(fields["senders"])))
        except (ValueError, KeyError, TypeError):
            break  # what follows a torn line was never acknowledged
    return found
