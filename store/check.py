"""A check of a run: everything that its log promises, looked at again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from simctl.store import address, journal, projections, segments, tail
from simctl.store.access import LOG
from simctl.store.chain import pages
from simctl.store.client import RemoteLog
from simctl.store.errors import ForeignLogError, LogCorruptError, QueryError, RunMissingError
from simctl.store.findings import REPAIR, Finding, damaged
from simctl.store.policies import PolicyError, PolicyStore
from simctl.store.remains import Remains
from simctl.store.watches import Causes, Chain, Order, Speakers, Watch

POLICIES = "policies"
FOREIGN = "open it with what wrote it"
_MAGIC, _MAGIC_AT = b"DUCK", 8  # of every DuckDB file
_ANNOUNCED = "SELECT version, sha256 FROM policy_updated ORDER BY seq"


class Log(Protocol):
    """A log that is looked at."""

    @property
    def last_seq(self) -> int:
        """The seq of its last event."""
        ...

    def page(self, after: int, until: int) -> pa.Table:
        """Return the rows with `after` < seq <= `until`."""
        ...

    def query(self, sql: str, *, max_rows: int | None = None) -> pa.Table:
        """Answer one statement."""
        ...


def opened(run_dir: Path) -> RemoteLog | Remains:
    """Return the log of a run as it is: from its owner if it is live, else from its file.

    Raises:
        RunMissingError, LogBusyError: there is none, or somebody holds it and does not answer.
        ForeignLogError, LogCorruptError: DuckDB cannot open it.
    """
    owner = address.find(run_dir)
    if owner is not None:
        return RemoteLog(owner)
    if not run_dir.is_dir():
        raise RunMissingError(f"no run at {run_dir}")
    return Remains(run_dir / LOG, journal.rows(run_dir / LOG))


def check(run_dir: Path) -> Iterator[Finding]:
    """Give what is found, one thing after the other.

    Raises:
        RunMissingError, LogBusyError: there is no run, or somebody holds it and does not answer.
    """
    try:
        log = opened(run_dir)
    except RunMissingError:
        if not tail.marks(run_dir / LOG):
            raise
        yield damaged("file", f"{run_dir / LOG} is gone", 1)
        return
    except ForeignLogError as error:
        yield damaged("file", str(error), 1, FOREIGN if _is_database(run_dir / LOG) else REPAIR)
        return
    except LogCorruptError as error:
        yield damaged("file", str(error))
        return
    with log:
        live = isinstance(log, RemoteLog)
        yield Finding(
            "file", f"{run_dir / LOG} " + ("is live, and its owner answers" if live else "opens")
        )
        yield from _events(log)
        yield _tail(log, run_dir / LOG)
        if isinstance(log, Remains) and log.waiting.num_rows:
            count = log.waiting.num_rows
            yield Finding("journal", f"{count:,} events wait in it until the log is opened again")
        yield from projections.check(log)
        yield from _policies(log, PolicyStore(run_dir / POLICIES))
        yield from _segments(log, run_dir / segments.FOLDER)


def _is_database(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_MAGIC) + _MAGIC_AT)[_MAGIC_AT:] == _MAGIC


def _events(log: Log) -> Iterator[Finding]:
    watches: list[Watch] = [Order(), Chain(), Speakers(log.query), Causes()]
    seen = 0
    try:
        for rows in pages(log):
            for watch in watches:
                watch.see(rows)
            seen += rows.num_rows
    except LogCorruptError as error:
        yield damaged("blocks", f"{error}; only what is before them was looked at", seen + 1)
    for watch in watches:
        yield watch.finding()


def _tail(log: Log, path: Path) -> Finding:
    marks = tail.marks(path)
    if not marks:
        return Finding("tail", "there is none: what a torn log has lost could not be told")
    last = marks[-1]
    if last.seq > log.last_seq:
        senders = ", ".join(
            f"{name} {count}" for name, count in tail.lost(path, log.last_seq).items()
        )
        missing = f"{last.seq - log.last_seq:,} acknowledged events are missing ({senders})"
        return damaged("tail", missing, log.last_seq + 1)
    return _agreed("tail", log, last.seq, last.hash)


def _agreed(name: str, log: Log, seq: int, hash_: str) -> Finding:
    """Compare an event of the log with what is written beside it."""
    if seq == 0:
        return Finding(name, "nothing was acknowledged yet")
    try:
        found = log.page(seq - 1, seq).column("hash").to_pylist()
    except LogCorruptError as error:
        return damaged(name, str(error), seq)
    if found != [hash_]:
        return damaged(name, f"event {seq} is not the one that was acknowledged", seq)
    return Finding(name, f"agrees on event {seq:,}")


def _policies(log: Log, policies: PolicyStore) -> Iterator[Finding]:
    versions = policies.versions()
    try:
        announced = {row["version"]: row["sha256"] for row in log.query(_ANNOUNCED).to_pylist()}
    except QueryError as error:
        yield Finding("policies", f"could not be asked: {error}", "unknown")
        return
    last = log.last_seq
    for version in versions:
        try:
            policies.verify(version, announced.get(version))
            offset = policies.state(version).event_offset
        except PolicyError as error:
            yield damaged("policies", str(error), remedy="put the file back as it was")
            continue
        if offset > last:
            text = f"version {version} has learned from event {offset}, and the log ends at {last}"
            yield damaged("policies", text)
    missing = len(announced.keys() - set(versions))
    absent = f"; {missing} that the log announces are not here" if missing else ""
    yield Finding("policies", f"{len(versions)} versions, their weights as announced{absent}")


def _segments(log: Log, folder: Path) -> Iterator[Finding]:
    remedy = f"move {folder} away, then simctl store seal"
    try:
        manifest = segments.read(folder)
        for each in manifest.segments if manifest else ():
            segments.verify(folder, each)
    except LogCorruptError as error:
        yield damaged("segments", str(error), remedy=remedy)
        return
    if manifest is None:
        yield Finding("segments", "none")
        return
    end = manifest.end
    if end.seq > log.last_seq:
        text = f"they go on to event {end.seq}, and the log ends at {log.last_seq}"
        yield damaged("segments", text, log.last_seq + 1)
        return
    found = _agreed("segments", log, end.seq, end.hash)
    count = len(manifest.segments)
    yield Finding("segments", f"{count}: {found.text}") if found.verdict == "whole" else found
