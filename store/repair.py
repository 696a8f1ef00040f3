"""A repair of a damaged log: its longest whole beginning, from wherever that can still be read."""

import fcntl
import shutil
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from simctl.bus.event import Draft
from simctl.bus.messages import LogRepaired
from simctl.store import address, copies, journal, losses, segments, tail
from simctl.store.access import LOG
from simctl.store.chain import Link, follow
from simctl.store.check import POLICIES, check
from simctl.store.drafts import draft, publish, replace
from simctl.store.duck import DuckLog
from simctl.store.errors import LogBusyError
from simctl.store.policies import PolicyError, PolicyStore
from simctl.store.sources import WAL, Segments, Source, Sources

REPAIR = "repair"
ASIDE = "damaged-"
_TOLD = """
SELECT (SELECT count(*) FROM log_repaired) AS repairs,
    (SELECT coalesce(max(pseq) + 1, 0) FROM events WHERE producer = 'trainer') AS trained
"""


@dataclass(frozen=True)
class Repaired:
    """What a repair has done."""

    aside: Path  # where the old files are
    kept: Link  # the last event that was kept
    missing: dict[str, int]  # events after it, by sender
    source: str
    policies: tuple[int, ...]  # versions that were set aside


def repair(run_dir: Path) -> Repaired | None:
    """Repair the log of a run; return None, and change nothing, when it is whole.

    Raises:
        LogBusyError: the run is live.
        RunMissingError: there is no run.
    """
    if address.find(run_dir) is not None:
        raise LogBusyError(f"run {run_dir} is live: stop it, then repair it")
    if not any(each.mendable for each in check(run_dir) if each.verdict == "damaged"):
        return None
    aside = _copy(run_dir)
    with _held(run_dir / LOG, aside / LOG), draft(run_dir / REPAIR) as place:
        done = _rebuild(run_dir, aside, place)
        _set_aside(run_dir, done)
        _put(place, run_dir)
    return done


def _put(place: Path, run_dir: Path) -> None:
    """Put a new log in the place of the old one, whose files are aside.

    As long as there is a tail, a log that is not there or lacks events is refused: whenever this is
    killed, nobody takes a part for the whole, and another repair finds the files that are aside.
    """
    if not (run_dir / tail.FILE).exists():
        shutil.copy2(place / tail.FILE, run_dir / tail.FILE)
    for name in (LOG, WAL):
        (run_dir / name).unlink(missing_ok=True)
    journal.remove(run_dir / LOG)
    replace(place / LOG, run_dir / LOG)
    replace(place / tail.FILE, run_dir / tail.FILE)


@contextmanager
def _held(log: Path, copy: Path) -> Generator[None]:
    """Let no other process open the file `log` as its owner, which is still as it was copied.

    Raises:
        LogBusyError: somebody has opened it.
    """
    if not log.exists():
        yield
        return
    with log.open("rb") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError as error:
            raise LogBusyError(f"{log} is in use: stop its run, then repair it") from error
        if _stamp(log) != _stamp(copy):
            raise LogBusyError(f"{log} was written while it was copied: repair it again")
        yield


def _stamp(file: Path) -> tuple[int, int]:
    found = file.stat()
    return found.st_size, found.st_mtime_ns


def _copy(run_dir: Path) -> Path:
    """Copy all that belongs to the log, and return where."""
    target = run_dir / f"{ASIDE}{len(_earlier(run_dir)) + 1}"
    with draft(target) as place:
        for name in (LOG, WAL, tail.FILE):
            if (run_dir / name).exists():
                shutil.copy2(run_dir / name, place / name)
        if (run_dir / journal.DIRECTORY).exists():
            shutil.copytree(run_dir / journal.DIRECTORY, place / journal.DIRECTORY)
        if not publish(place, target):
            raise LogBusyError(f"{target} is there already: another repair is at work")
    return target


def _earlier(run_dir: Path) -> list[Path]:
    """Return what earlier repairs have set aside, the newest first."""
    found = [each for each in run_dir.glob(f"{ASIDE}*") if each.name[len(ASIDE) :].isdigit()]
    return sorted(found, key=lambda each: int(each.name[len(ASIDE) :]), reverse=True)


def _rebuild(run_dir: Path, aside: Path, place: Path) -> Repaired:
    """Write the longest whole beginning of the log to `place`, and say in it what is lost."""
    beginning = _Beginning()
    with Sources(place / "scratch") as sources:
        now = [*sources.look(aside), Segments(run_dir / segments.FOLDER, segments.FOLDER)]
        old = [each for at in _earlier(run_dir)[1:] for each in sources.look(at, f"{at.name}/")]
        run, branch = sources.header or (run_dir.name, "main")
        copies.write(place / LOG, run, branch, beginning.read([*now, *old]))
        kept = beginning.link.seq
        policies = PolicyStore(run_dir / POLICIES)
        with DuckLog(place / LOG, run=run) as log:
            begun = _senders(log, losses.torn(aside / LOG, kept))
            end = losses.end(run_dir, policies)
            missing = losses.lost(aside / LOG, kept, begun, now, end)
            [row] = log.query(_TOLD).to_pylist()
            said = LogRepaired(kept=kept, missing=missing, source=beginning.source)
            log.submit([Draft(REPAIR, row["repairs"], 0, said, REPAIR)]).result()
    ahead = _ahead(policies, kept, row["trained"])
    return Repaired(aside, beginning.link, missing, beginning.source, ahead)


class _Beginning:
    """The longest whole beginning of a log, put together from sources."""

    def __init__(self) -> None:
        self.link = Link()
        self._used: list[tuple[str, int]] = []

    @property
    def source(self) -> str:
        """Where it came from, in words."""
        return ", ".join(f"{name} up to {seq}" for name, seq in self._used) or "nothing"

    def read(self, sources: list[Source]) -> Iterator[pa.Table]:
        """Give its rows. Whoever continues the chain is right, wherever it was found."""
        found = True
        while found:
            before = self.link
            for source in sources:
                yield from self._from(source)
            found = self.link != before

    def _from(self, source: Source) -> Iterator[pa.Table]:
        begun = self.link
        for rows in source.after(begun.seq):
            link, fault = follow(self.link, rows)
            good = rows.slice(0, link.seq - self.link.seq)
            self.link = link
            if good.num_rows:
                yield good
            if fault is not None:
                break
        if self.link != begun:
            self._used.append((source.name, self.link.seq))


def _senders(log: DuckLog, after: int) -> Counter[str]:
    rows = log.query(f"SELECT sender, count(*) AS n FROM events WHERE seq > {after} GROUP BY 1")  # noqa: S608
    return Counter({row["sender"]: row["n"] for row in rows.to_pylist()})


def _ahead(policies: PolicyStore, kept: int, said: int) -> tuple[int, ...]:
    """Return the versions that know more than the log: what they learned from or said is lost."""

    def ahead(version: int) -> bool:
        if version == 0:  # it has learned from nothing
            return False
        try:
            state = policies.state(version)
        except PolicyError:  # without a state nobody can go on from it
            return True
        # a version is announced with the number before its `pseq`, after all that led to it
        return state.event_offset > kept or state.pseq - 1 > said

    return tuple(filter(ahead, policies.versions()))


def _set_aside(run_dir: Path, done: Repaired) -> None:
    """Move policies and segments that know more than the new log to the old files."""
    policies = PolicyStore(run_dir / POLICIES)
    for version in done.policies:
        target = done.aside / POLICIES / policies.path(version).name
        target.parent.mkdir(exist_ok=True)
        policies.path(version).rename(target)
    segments.trim(run_dir / segments.FOLDER, done.kept, done.aside / segments.FOLDER)
