"""The journal: an fsynced file in front of DuckDB, for acknowledgements that do not wait for it.

A record is a group of appends: a magic word, the length and the CRC-32 of what follows, and the
rows as an Arrow IPC stream. Whatever was acknowledged is in the journal or in the log's file; what
only the journal has is moved into the file whenever the log is opened.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pyarrow as pa

from simctl.bus.event import Event
from simctl.store.drafts import sync
from simctl.store.records import Records
from simctl.store.rows import to_table
from simctl.store.wire import dump_table, load_table

DIRECTORY = "journal"
_FILE = "rows"
_HEAD = struct.Struct("<4sII")
_MAGIC = b"SJ01"
LARGE = 4 << 20  # bytes from which it is cut


class Journal:
    """Where appends go first. What the log's file holds by now is cut off."""

    def __init__(self, log: Path) -> None:
        """Begin an empty one beside the file `log`, which has all that was in it."""
        directory = log.with_name(DIRECTORY)
        directory.mkdir(exist_ok=True)
        self._log = log
        self._records = Records(directory / _FILE, b"")
        for place in (directory, log.parent):
            sync(place)
        self._last_seq = 0

    def append(self, events: Sequence[Event]) -> None:
        """Put the events on the disk; those that are there already are not put there again.

        Raises:
            OSError: there was no room; nothing of them is there.
        """
        if events[-1].seq > self._last_seq:
            body = dump_table(to_table(events))
            head = _HEAD.pack(_MAGIC, len(body), zlib.crc32(body))
            self._records.append(head + body, sync=True)
            self._last_seq = events[-1].seq

    def cut(self) -> None:
        """Forget everything once that is much: the log's file has it all."""
        if self._records.size > LARGE:
            self._records.cut()

    def close(self, *, needed: bool) -> None:
        """Release the journal; it stays for whoever opens the log next if that is needed."""
        self._records.close()
        if not needed:
            remove(self._log)


def rows(log: Path) -> Iterator[pa.Table]:
    """Give the whole records of the journal beside the file `log`, up to the first torn one."""
    try:
        file = (log.with_name(DIRECTORY) / _FILE).open("rb")
    except FileNotFoundError:
        return
    with file:
        while len(head := file.read(_HEAD.size)) == _HEAD.size:
            magic, length, crc = _HEAD.unpack(head)
            body = file.read(length) if magic == _MAGIC else b""
            if magic != _MAGIC or len(body) != length or zlib.crc32(body) != crc:
                return
            yield load_table(body)


def is_left(log: Path) -> bool:
    """Tell whether a process has left records beside the file `log`: it did not close the log."""
    return next(rows(log), None) is not None


def remove(log: Path) -> None:
    """Remove the journal beside the file `log`, if there is one: the file has everything."""
    directory = log.with_name(DIRECTORY)
    (directory / _FILE).unlink(missing_ok=True)
    with suppress(OSError):
        directory.rmdir()
