"""Losses: how many events a damaged log has lost, and whose they were."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from simctl.store import segments, tail
from simctl.store.errors import LogCorruptError, StoreError
from simctl.store.policies import PolicyStore
from simctl.store.sources import Source

UNKNOWN = "unknown"  # senders that nothing tells any more


def torn(log: Path, kept: int) -> int:
    """Return the seq after which that commit begins of which `kept` may be in the middle."""
    return max((mark.seq for mark in tail.marks(log) if mark.seq <= kept), default=kept)


def lost(
    log: Path, kept: int, begun: Counter[str], sources: Iterable[Source], end: int
) -> dict[str, int]:
    """Return how many events after `kept` are lost of each sender.

    The tail beside the file `log` tells them; where it does not reach, the rows that `sources` can
    still read. `begun` counts the senders of what was kept of a torn commit. The log went on to
    `end` at least.
    """
    marks = tail.marks(log)
    first, last = (marks[0].seq, marks[-1].seq) if marks else (kept, kept)
    base = max((mark.seq for mark in marks if mark.seq <= kept), default=first)
    missing: Counter[str] = Counter()
    for mark in marks:
        if mark.seq > base:
            missing.update(mark.senders)
    missing.subtract(begun)
    highest = max(end, last, kept)
    for seq, sender in _readable(sources, kept):
        highest = max(highest, seq)
        if not base < seq <= last:
            missing[sender] += 1
    unknown = highest - kept - missing.total()
    missing[UNKNOWN] += max(0, unknown)
    return {sender: count for sender, count in sorted(missing.items()) if count > 0}


def end(run_dir: Path, policies: PolicyStore) -> int:
    """Return how far a log went at least, by what lies beside it."""
    ends = [0]
    for version in policies.versions():
        try:
            ends.append(policies.state(version).event_offset)
        except StoreError:
            continue
    try:
        manifest = segments.read(run_dir / segments.FOLDER)
    except LogCorruptError:
        manifest = None
    return max(*ends, manifest.end.seq if manifest else 0)


def _readable(sources: Iterable[Source], kept: int) -> Iterator[tuple[int, str]]:
    """Give seq and sender of every event after `kept` that can still be read, each once."""
    seen = bytearray()
    for source in sources:
        for rows in source.scattered(kept):
            for seq, sender in zip(
                *(rows.column(n).to_pylist() for n in ("seq", "sender")), strict=True
            ):
                place = seq - kept
                if place >= len(seen):
                    seen.extend(bytes(place + 1 - len(seen)))
                if not seen[place]:
                    seen[place] = 1
                    yield seq, sender
