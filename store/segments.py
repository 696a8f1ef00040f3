"""Segments: sealed parts of a log as Parquet files, with a manifest of their hashes.

Any tool reads them. A segment appears whole or not at all, and the manifest names it last.
"""

import fcntl
import os
import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

import simctl
from simctl.bus.event import GENESIS
from simctl.bus.values import Value
from simctl.store.chain import Link, Pages, grouped, pages, whole
from simctl.store.drafts import replace
from simctl.store.errors import LogBusyError, LogCorruptError
from simctl.store.policies import hash_file
from simctl.store.rows import PAGE, SCHEMA

FOLDER, MANIFEST = "segments", "manifest.json"
FORMAT = 1
ROWS = 1_000_000  # of a segment
_NAME = re.compile(r"\.?\d{12}-\d{12}\.parquet(\.\d+)?")
# a dictionary helps the columns that repeat themselves, and is only in the way of the others
_OPTIONS: dict[str, Any] = {
    "compression": "zstd",
    "use_dictionary": [
        "run", "branch", "producer", "kind", "sender", "recipient", "episode",
        "prompt_tokens.list.element", "tokens.list.element",
    ],
}  # fmt: skip


class Log(Pages, Protocol):
    """A log that can be sealed."""

    @property
    def run(self) -> str:
        """The name of its run."""
        ...

    @property
    def branch(self) -> str:
        """The branch on which it writes."""
        ...


class Segment(Value):
    """A file of events `first` to `last`; `prev_hash` is before its first, `hash` of its last."""

    file: str
    first: int
    last: int
    rows: int
    sha256: str
    prev_hash: str
    hash: str


class Manifest(Value):
    """The sealed part of a log: its segments, in order and without a gap."""

    format: int = FORMAT
    simctl: str
    run: str
    branch: str
    segments: tuple[Segment, ...] = ()

    @property
    def end(self) -> Link:
        """Where the sealed part ends."""
        if not self.segments:
            return Link()
        return Link(self.segments[-1].last, self.segments[-1].hash)


def read(folder: Path) -> Manifest | None:
    """Return the manifest of a directory of segments; None if there is none.

    Raises:
        LogCorruptError: it cannot be read, or its segments do not follow each other.
    """
    file = folder / MANIFEST
    try:
        manifest = Manifest.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise LogCorruptError(f"{file} is damaged: {error}") from error
    link = Link()
    for each in manifest.segments:
        if (each.first, each.prev_hash) != (link.seq + 1, link.hash):
            raise LogCorruptError(f"{file} is damaged: {each.file} does not follow {link.seq}")
        link = Link(each.last, each.hash)
    return manifest


def write(folder: Path, manifest: Manifest) -> None:
    """Let `manifest` be that of a directory of segments."""
    draft = folder / f".{MANIFEST}.{os.getpid()}"
    draft.write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
    replace(draft, folder / MANIFEST)


def seal(log: Log, folder: Path, rows: int = ROWS) -> list[Segment]:
    """Seal what `log` has after the last segment in `folder`; return the new segments.

    Raises:
        LogCorruptError: the log's chain is broken, or does not go on from the last segment.
        LogBusyError: another process seals it.
    """
    until = log.last_seq
    folder.mkdir(exist_ok=True)
    with _alone(folder):
        manifest = read(folder) or Manifest(
            simctl=simctl.__version__, run=log.run, branch=log.branch
        )
        _agree(log, manifest.end)
        sealed: list[Segment] = []
        while manifest.end.seq < until:
            made = _write(log, folder, manifest.end, min(until, manifest.end.seq + rows))
            sealed.append(made)
            manifest = manifest.model_copy(update={"segments": (*manifest.segments, made)})
            write(folder, manifest)
        _clean(folder, manifest)  # only now: until then a stray segment may be the last copy
    return sealed


def trim(folder: Path, end: Link, aside: Path) -> None:
    """Keep the whole segments of a log that ends with `end` now; move all others to `aside`."""
    if not folder.exists():
        return
    try:
        manifest = read(folder)
    except LogCorruptError:
        manifest = None
    kept = tuple(
        takewhile(lambda each: _within(folder, each, end), manifest.segments if manifest else ())
    )
    for file in folder.iterdir():
        if file.name not in {MANIFEST, *(each.file for each in kept)}:
            aside.mkdir(exist_ok=True)
            file.rename(aside / file.name)
    if manifest is not None:
        write(folder, manifest.model_copy(update={"segments": kept}))
    else:
        (folder / MANIFEST).unlink(missing_ok=True)


def _within(folder: Path, segment: Segment, end: Link) -> bool:
    try:
        verify(folder, segment)
    except LogCorruptError:
        return False
    return segment.last < end.seq or Link(segment.last, segment.hash) == end


def table_pages(file: Path) -> Iterator[pa.Table]:
    """Give the rows of a segment in pages.

    Raises:
        LogCorruptError: the file is no segment, or damaged.
    """
    try:
        with pq.ParquetFile(file) as parquet:
            for batch in parquet.iter_batches(PAGE):
                yield pa.Table.from_batches([batch]).cast(SCHEMA)
    except (OSError, pa.ArrowException, ValueError) as error:
        raise LogCorruptError(f"segment {file} is damaged: {error}") from error


def verify(folder: Path, segment: Segment) -> None:
    """Check that a segment is the file that was sealed.

    Raises:
        LogCorruptError: it is missing, or another.
    """
    file = folder / segment.file
    if not file.is_file():
        raise LogCorruptError(f"segment {file} is missing")
    found = hash_file(file)
    if found != segment.sha256:
        raise LogCorruptError(
            f"segment {file} has sha256 {found[:12]}..., not {segment.sha256[:12]}...: "
            "it was changed after it was sealed"
        )


def _write(log: Log, folder: Path, link: Link, until: int) -> Segment:
    """Write the events after `link` until `until` into one file."""
    name = f"{link.seq + 1:012d}-{until:012d}.parquet"
    draft = folder / f".{name}.{os.getpid()}"
    last = pa.table({"hash": [GENESIS]})
    try:
        with pq.ParquetWriter(draft, SCHEMA, **_OPTIONS) as writer:
            for group in grouped(whole(pages(log, link.seq, until), link)):
                writer.write_table(group)
                last = group
        sha256 = hash_file(draft)
        replace(draft, folder / name)
    finally:
        draft.unlink(missing_ok=True)
    return Segment(
        file=name,
        first=link.seq + 1,
        last=until,
        rows=until - link.seq,
        sha256=sha256,
        prev_hash=link.hash,
        hash=last.column("hash")[-1].as_py(),
    )


def _agree(log: Pages, end: Link) -> None:
    """Refuse to go on after segments of which the log knows nothing."""
    there = log.page(end.seq - 1, end.seq).column("hash").to_pylist() if end.seq else [end.hash]
    if there != [end.hash]:
        raise LogCorruptError(
            f"the segments end with event {end.seq}, and the log has another there, or none"
        )


def _clean(folder: Path, manifest: Manifest) -> None:
    """Remove what killed processes have left: no manifest names it."""
    named = {each.file for each in manifest.segments}
    for file in folder.iterdir():
        if _NAME.fullmatch(file.name) and file.name not in named:
            file.unlink()


@contextmanager
def _alone(folder: Path) -> Generator[None]:
    """Keep others from sealing into the same directory."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise LogBusyError(f"another process seals into {folder}: wait until it ends") from error
    finally:
        os.close(handle)
