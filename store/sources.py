"""Sources: where the rows of a damaged log may still be found."""

import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import pyarrow as pa

from simctl.store import headers, journal, segments
from simctl.store.access import LOG
from simctl.store.errors import LogCorruptError, StoreError
from simctl.store.remains import Remains
from simctl.store.rows import PAGE, SCHEMA

WAL = f"{LOG}.wal"
_BYTE = re.compile(r"byte position (\d+)")
_STEP = 8
_LEAST = 64  # rows: a smaller part of what cannot be read is given up


class Source(Protocol):
    """A place that has rows of a log."""

    name: str

    def after(self, seq: int) -> Iterator[pa.Table]:
        """Give the rows after `seq`, in order, up to the first that cannot be read."""
        ...

    def scattered(self, seq: int) -> Iterator[pa.Table]:
        """Give at least seq and sender of all rows after `seq` that still have them."""
        ...


class File:
    """A database file with its write-ahead log, as far as DuckDB takes it."""

    def __init__(self, log: Remains, name: str) -> None:
        """Read from `log`."""
        self.log = log
        self.name = name

    def after(self, seq: int) -> Iterator[pa.Table]:
        """Give the rows after `seq`; smaller and smaller pages lead up to a damaged block."""
        step = PAGE
        while seq < self.log.last_seq and step:
            try:
                rows = self.log.page(seq, seq + step)
            except LogCorruptError:
                step //= 2
                continue
            yield rows.cast(SCHEMA)
            seq += step

    def scattered(self, seq: int) -> Iterator[pa.Table]:
        """Give what can be read after `seq`."""
        return self._scattered(seq, self.log.last_seq, PAGE)

    def _scattered(self, after: int, until: int, step: int) -> Iterator[pa.Table]:
        for begin in range(after, until, step):
            end = min(begin + step, until)
            try:
                yield self.log.senders(begin, end)
            except LogCorruptError:
                if step > _LEAST:
                    yield from self._scattered(begin, end, step // _STEP)


@dataclass
class Journal:
    """The journal beside a log, up to its first torn record."""

    log: Path
    name: str

    def after(self, seq: int) -> Iterator[pa.Table]:
        """Give the rows after `seq`."""
        return _later(journal.rows(self.log), seq)

    def scattered(self, seq: int) -> Iterator[pa.Table]:
        """Give the rows after `seq`."""
        return self.after(seq)


@dataclass
class Segments:
    """Sealed segments, whatever their manifest says."""

    folder: Path
    name: str

    def after(self, seq: int) -> Iterator[pa.Table]:
        """Give the rows after `seq` up to the first segment that is missing or damaged."""
        with suppress(LogCorruptError):
            for file in self._files(seq):
                yield from _later(segments.table_pages(file), seq)

    def scattered(self, seq: int) -> Iterator[pa.Table]:
        """Give what can be read after `seq`."""
        for file in self._files(seq):
            with suppress(LogCorruptError):
                yield from _later(segments.table_pages(file), seq)

    def _files(self, seq: int) -> list[Path]:
        files = sorted(self.folder.glob("[0-9]*-[0-9]*.parquet"))
        return [file for file in files if int(file.stem.partition("-")[2]) > seq]


class Sources:
    """Sources that were opened, and the run and the branch that a file among them tells."""

    def __init__(self, scratch: Path) -> None:
        """Try out in the empty directory `scratch` what may be damaged."""
        self._scratch = scratch
        self._open = ExitStack()
        self.header: tuple[str, str] | None = None

    def __enter__(self) -> Self:
        """Return the sources themselves."""
        return self

    def __exit__(self, *_: object) -> None:
        """Release the files."""
        self._open.close()

    def look(self, place: Path, name: str = "") -> list[Source]:
        """Return what there is in a directory, the best first; `name` goes before their names."""
        file = self._file(place, name)
        others: list[Source] = [
            Journal(place / LOG, f"{name}{journal.DIRECTORY}"),
            Segments(place / segments.FOLDER, f"{name}{segments.FOLDER}"),
        ]
        return others if file is None else [file, *others]

    def _file(self, place: Path, name: str) -> File | None:
        if not (place / LOG).exists():
            return None
        scratch = self._scratch / place.name
        scratch.mkdir(parents=True)
        opened = _opened(place, scratch)
        if opened is None:
            return None
        log, how = opened
        self._open.enter_context(log)
        self.header = self.header or (log.run, log.branch)
        return File(log, f"{name}{LOG}{how}")


def _opened(place: Path, scratch: Path) -> tuple[Remains, str] | None:
    """Open a file as far as it can be opened; say what was done to it."""
    _link(place / LOG, scratch / LOG)
    found = _with_wal(place, scratch)
    if found is not None:
        return found
    for _ in headers.variants(place / LOG, scratch / LOG):
        found = _with_wal(place, scratch)
        if found is not None:
            return found[0], f" with another header{found[1]}"
    return None


def _with_wal(place: Path, scratch: Path) -> tuple[Remains, str] | None:
    """Open a file with as much of its write-ahead log as DuckDB takes."""
    wal, how = scratch / WAL, ""
    if (place / WAL).exists():
        shutil.copyfile(place / WAL, wal)
    while True:
        try:
            return Remains(scratch / LOG), how
        except StoreError as error:
            if not wal.exists():
                return None
            byte = _BYTE.search(str(error))
            if byte and 0 < int(byte[1]) < wal.stat().st_size:
                os.truncate(wal, int(byte[1]))
                how = f" with its WAL cut at byte {byte[1]}"
            else:
                wal.unlink()
                how = " without its WAL"


def _link(file: Path, target: Path) -> None:
    """Let `target` be the same file, which nobody will write; a copy where there are no links."""
    try:
        os.link(file, target)
    except OSError:
        shutil.copyfile(file, target)


def _later(pages: Iterable[pa.Table], seq: int) -> Iterator[pa.Table]:
    """Give the rows after `seq` of pages in order."""
    for page in pages:
        first = page.column("seq")[0].as_py()
        later = page.slice(max(0, seq + 1 - first))
        if later.num_rows:
            yield later
