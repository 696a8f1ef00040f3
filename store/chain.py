"""The chain: rows of a log checked against their hashes, in columns and without any event."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol

import pyarrow as pa

from simctl.bus.event import GENESIS, HASHED
from simctl.store.errors import LogCorruptError
from simctl.store.rows import PAGE, SCHEMA

_SAID = ("prompt_tokens", "tokens", "logprobs")  # four bytes a number, as the hash wants them
_WIDTH = 4
_GROUP = 16  # pages
_encode = json.JSONEncoder(ensure_ascii=False).encode


class Pages(Protocol):
    """A log that gives its rows."""

    @property
    def last_seq(self) -> int:
        """The seq of the last event; 0 when there is none."""
        ...

    def page(self, after: int, until: int) -> pa.Table:
        """Return the rows with `after` < seq <= `until`, in order."""
        ...


@dataclass(frozen=True)
class Link:
    """An event of the chain: how far it was followed."""

    seq: int = 0
    hash: str = GENESIS


@dataclass(frozen=True)
class Fault:
    """The first place where a chain does not go on as it must."""

    seq: int
    text: str


def follow(link: Link, rows: pa.Table) -> tuple[Link, Fault | None]:
    """Return how far `rows` go on from `link`, and why not further."""
    seqs, before, after = (rows.column(name).to_pylist() for name in ("seq", "prev_hash", "hash"))
    found = zip(seqs, before, after, hashes(rows), strict=True)
    for seq, prev_hash, written, computed in found:
        if seq != link.seq + 1:
            return link, Fault(link.seq + 1, f"event {seq} follows event {link.seq}")
        if prev_hash != link.hash:
            return link, Fault(seq, f"event {seq} does not continue event {link.seq}")
        if written != computed:
            return link, Fault(seq, f"event {seq} is not what its hash says")
        link = Link(seq, written)
    return link, None


def whole(pages: Iterable[pa.Table], link: Link | None = None) -> Iterator[pa.Table]:
    """Give the pages as they are, each followed from the one before.

    Raises:
        LogCorruptError: the chain does not go on.
    """
    link = link or Link()
    for page in pages:
        link, fault = follow(link, page)
        if fault is not None:
            raise LogCorruptError(fault.text)
        yield page


def pages(log: Pages, after: int = 0, until: int | None = None) -> Iterator[pa.Table]:
    """Give the rows of a log in pages: those with `after` < seq <= `until`."""
    until = log.last_seq if until is None else until
    for begin in range(after, until, PAGE):
        yield log.page(begin, min(begin + PAGE, until)).cast(SCHEMA)


def grouped(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Put pages together, so many that they are written well and few enough to be held."""
    waiting: list[pa.Table] = []
    for table in tables:
        waiting.append(table)
        if len(waiting) == _GROUP:
            yield pa.concat_tables(waiting)
            waiting = []
    if waiting:
        yield pa.concat_tables(waiting)


def hashes(rows: pa.Table) -> Iterator[str]:
    """Give the hash that each row must have, from its columns."""
    heads = zip(*(rows.column(name).to_pylist() for name in HASHED), strict=True)
    said = zip(*(_numbers(rows.column(name)) for name in _SAID), strict=True)
    before = rows.column("prev_hash").to_pylist()
    for prev_hash, head, numbers in zip(before, heads, said, strict=True):
        digest = sha256(str(prev_hash).encode())
        digest.update(_encode(head).encode())
        if numbers[0] is not None:
            digest.update(b"".join(_length(each) + each for each in numbers if each is not None))
        yield digest.hexdigest()


def _length(numbers: bytes) -> bytes:
    return b"\x1e%d\x1e" % (len(numbers) // _WIDTH)


def _numbers(column: pa.ChunkedArray) -> Iterator[bytes | None]:
    """Give the bytes of each list; None where there is no list."""
    for chunk in column.chunks:
        flat = chunk.values.to_numpy(zero_copy_only=False).tobytes()
        ends: Sequence[Any] = chunk.offsets.to_pylist()
        present = chunk.is_valid().to_pylist()
        for begin, end, there in zip(ends, ends[1:], present, strict=False):
            yield flat[begin * _WIDTH : end * _WIDTH] if there else None
