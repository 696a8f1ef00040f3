"""What was said: the columns of the log that learning reads, and no others."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

import pyarrow as pa

from simctl.bus.event import Utterance
from simctl.bus.messages import (
    AnyMessage,
    UnknownMessage,
)
from simctl.bus.upcast import read
from simctl.store.rows import utterances

PAGE = 16_384  # seqs that are read at once


class Source(Protocol):
    """A log that can be asked, of this process or another, written now or finished."""

    @property
    def last_seq(self) -> int:
        """The seq of the last event; 0 when there is none."""
        ...

    def query(self, sql: str, *, max_rows: int | None = None) -> pa.Table:
        """Answer one read-only SQL statement."""
        ...


class Said(NamedTuple):
    """An event without its names, numbers, times and hashes: many times cheaper to read."""

    seq: int
    kind: str
    schema: int
    episode: str
    round: int
    cause: int | None
    task: int | None
    policy_version: int | None
    payload: str
    utterance: Utterance | None

    @property
    def message(self) -> AnyMessage | UnknownMessage:
        """The message, read from the payload each time."""
        return read(self.kind, self.schema, self.payload)


_COLUMNS = Said._fields[:-1]


def said(
    log: Source,
    kinds: Iterable[str],
    after: int = 0,
    until: int | None = None,
    page: int = PAGE,
) -> Iterator[Said]:
    """Give what events of these kinds with `after` < seq <= `until` say, in order."""
    for rows in pages(log, kinds, after, until, page):
        columns = (rows.column(name).to_pylist() for name in _COLUMNS)
        yield from map(Said._make, zip(*columns, utterances(rows), strict=True))


def pages(
    log: Source,
    kinds: Iterable[str],
    after: int = 0,
    until: int | None = None,
    page: int = PAGE,
) -> Iterator[pa.Table]:
    """Give the same as rows, from `page` seqs at once."""
    last = log.last_seq if until is None else until
    wanted = ", ".join(f"'{kind}'" for kind in sorted(kinds))
    for begin in range(after, last, page):
        yield log.query(
            f"SELECT {', '.join(_COLUMNS)}, prompt_tokens, tokens, logprobs FROM events"  # noqa: S608
            f" WHERE seq > {begin} AND seq <= {min(begin + page, last)} AND kind IN ({wanted})"
            " ORDER BY seq"
        )
