"""What holds of every log after every fault: no gap, nothing twice, one chain, causes first."""

from collections.abc import Iterable

from simctl.bus.event import GENESIS, Event, rehash
from simctl.store.log import EventLog

_COUNTS = """
SELECT count(*) AS events, coalesce(max(seq), 0) AS last, count(DISTINCT seq) AS places,
    count(DISTINCT id) AS ids, count(DISTINCT (producer, epoch, pseq)) AS said,
    count(*) FILTER (prev_hash IS DISTINCT FROM before) AS broken,
    count(*) FILTER (pseq <> numbered) AS misplaced, count(*) FILTER (cause >= seq) AS early
FROM (
    SELECT *, lag(hash, 1, repeat('0', 64)) OVER (ORDER BY seq) AS before,
        row_number() OVER (PARTITION BY producer, epoch ORDER BY seq) - 1 AS numbered
    FROM events
)
"""


def assert_whole(log: EventLog) -> None:
    """Assert the invariants, in SQL and by recomputing every hash."""
    [found] = log.query(_COUNTS).to_pylist()
    last = log.last_seq
    assert found == {
        "events": last,
        "last": last,
        "places": last,
        "ids": last,
        "said": last,
        "broken": 0,
        "misplaced": 0,
        "early": 0,
    }
    before = GENESIS
    for event in log.read():
        assert event.prev_hash == before
        assert rehash(event) == event.hash
        before = event.hash


def assert_kept(log: EventLog, acknowledged: Iterable[Event]) -> None:
    """Assert that the log is whole and holds all that was acknowledged, unchanged."""
    assert_whole(log)
    written = {event.seq: event for event in log.read()}
    assert {event.seq: event for event in acknowledged}.items() <= written.items()
