"""Reads events from a log file, in pages: one big ORDER BY costs three times the CPU."""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from simctl.bus.event import GENESIS, Draft, Event, rehash
from simctl.store.database import Cursors
from simctl.store.errors import LogCorruptError
from simctl.store.rows import COLUMNS, PAGE, to_events
from simctl.store.sequencer import Position, Speaker, Triple

_POSITION = r"""
SELECT producer, epoch, max(pseq) FROM events
WHERE coalesce(try_cast(regexp_extract(producer, '^e(\d+)\.', 1) AS BIGINT), ?) > ?
GROUP BY ALL
"""


def page(database: Cursors, after: int, until: int) -> pa.Table:
    """Return the rows with `after` < seq <= `until`."""
    with database.cursor() as cursor:
        return cursor.sql(
            f"SELECT {COLUMNS} FROM events WHERE seq > $a AND seq <= $b ORDER BY seq",  # noqa: S608
            params={"a": after, "b": until},
        ).to_arrow_table()


def read(database: Cursors, after: int, until: int) -> Iterator[Event]:
    """Give the events with `after` < seq <= `until`, in order."""
    for begin in range(after, until, PAGE):
        yield from to_events(page(database, begin, min(begin + PAGE, until)))


def position(database: Cursors) -> Position:
    """Return where the log ends.

    Raises:
        LogCorruptError: rows are missing, or the last one is not what its hash says.
    """
    with database.cursor() as cursor:
        rows, last, ended = cursor.execute(
            "SELECT count(*), coalesce(max(seq), 0),"
            " coalesce(max(round) FILTER (kind = 'round_ended'), 0) FROM events"
        ).fetchone() or (0, 0, 0)
        speakers = cursor.execute(_POSITION, [ended + 1, ended]).fetchall()
    if rows != last:
        raise LogCorruptError(f"the log ends at event {last} but holds {rows} events")
    found = Position(ended_round=ended)
    for event in read(database, last - 1, last):
        if rehash(event) != event.hash:
            raise LogCorruptError(f"event {last} is not what its hash says")
        found.seq, found.hash = event.seq, event.hash
    found.pseqs = {(producer, epoch): pseq for producer, epoch, pseq in speakers}
    return found


def end(database: Cursors) -> tuple[int, str]:
    """Return the seq and the hash of the last event."""
    with database.cursor() as cursor:
        last = cursor.execute("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1").fetchone()
    return last or (0, GENESIS)


def hash_at(database: Cursors, seq: int) -> str | None:
    """Return the hash of an event; None if it is not there."""
    with database.cursor() as cursor:
        [found] = cursor.execute("SELECT hash FROM events WHERE seq = ?", [seq]).fetchone() or [
            None
        ]
    return found


def hashes(database: Cursors, first: int, last: int) -> dict[int, str]:
    """Return the hashes of the events from `first` to `last`."""
    with database.cursor() as cursor:
        return dict(
            cursor.execute(
                "SELECT seq, hash FROM events WHERE seq BETWEEN ? AND ?", [first, last]
            ).fetchall()
        )


def senders(database: Cursors, after: int) -> dict[str, int]:
    """Return how many events of each sender there are with `after` < seq."""
    with database.cursor() as cursor:
        return dict(
            cursor.execute(
                "SELECT sender, count(*) FROM events WHERE seq > ? GROUP BY sender", [after]
            ).fetchall()
        )


class FilePast:
    """What a log file can still look up."""

    def __init__(self, database: Cursors) -> None:
        """Look into the file of `database`."""
        self._database = database

    def last_pseq(self, speaker: Speaker) -> int | None:
        """Return the last number that a speaker has used."""
        with self._database.cursor() as cursor:
            [found] = cursor.execute(
                "SELECT max(pseq) FROM events WHERE producer = ? AND epoch = ?", list(speaker)
            ).fetchone() or [None]
        return found

    def find(self, drafts: Sequence[Draft]) -> dict[Triple, Event]:
        """Return the events that the log has under the drafts' triples."""
        with self._database.cursor() as cursor:
            rows = cursor.sql(
                f"SELECT {COLUMNS} FROM events WHERE (producer, epoch, pseq) IN"  # noqa: S608
                " (SELECT unnest($a), unnest($b), unnest($c))",
                params={
                    "a": [draft.producer for draft in drafts],
                    "b": [draft.epoch for draft in drafts],
                    "c": [draft.pseq for draft in drafts],
                },
            ).to_arrow_table()
        return {(event.producer, event.epoch, event.pseq): event for event in to_events(rows)}
