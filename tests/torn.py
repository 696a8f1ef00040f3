"""Torn logs: real files, damaged in every way that a disk knows. `python tests/torn.py` tells all.

A log is written by another process, which either closes it or is gone in a moment. Then something
is done to its bytes at a random place, and whoever opens or checks it must see that.
"""

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from random import Random

from rich.console import Console

from simctl.bus.event import Draft, Utterance
from simctl.bus.messages import MessageRejected
from simctl.cli.tables import table
from simctl.store.check import check
from simctl.store.duck import DuckLog
from simctl.store.errors import StoreError
from simctl.store.finished import FinishedLog
from simctl.store.repair import repair

LOG, WAL, JOURNAL = "log.duckdb", "log.duckdb.wal", "journal/rows"
SENDERS = ("solver", "critic", "environment")
BLOCK, HEADERS = 262_144, 12_288  # bytes, as DuckDB lays them out
Damage = Callable[[Path, Random], None]


def write(run_dir: Path, *, commits: int, size: int, end: str) -> None:
    """Let another process write `commits` of `size` events; `end` says how it leaves the log."""
    run_dir.mkdir()
    writer = get_context("spawn").Process(target=_write, args=(run_dir, commits, size, end))
    writer.start()
    writer.join()


def write_all(place: Path) -> dict[str, Path]:
    """Write a log for each end; return where."""
    sizes = {"closed": (20, 1000), "killed": (20, 30), "journal": (20, 30)}
    for end, (commits, size) in sizes.items():
        write(place / end, commits=commits, size=size, end=end)
    return {end: place / end for end in sizes}


def _write(run_dir: Path, commits: int, size: int, end: str) -> None:
    dice = Random(commits)  # noqa: S311 - text that does not compress to nothing
    pseqs = dict.fromkeys(SENDERS, 0)

    def draft() -> Draft:
        sender = dice.choice(SENDERS)
        pseq, pseqs[sender] = pseqs[sender], pseqs[sender] + 1
        message = MessageRejected(reason="test", text=dice.randbytes(40).hex())
        said = Utterance(tuple(dice.randbytes(8)), (1, 2), (-0.5, -dice.random()))
        return Draft(sender, 0, pseq, message, sender, utterance=said)

    log = DuckLog(run_dir / LOG, run=run_dir.name)
    if end == "journal":
        log.begin_journal()
    for _ in range(commits):
        asyncio.run(log.append([draft() for _ in range(size)]))
    if end != "closed":
        os._exit(9)
    log.close()


def hashes(run_dir: Path) -> list[str]:
    with FinishedLog(run_dir / LOG) as log:
        return [event.hash for event in log.read()]


# --- what befalls files -------------------------------------------------------------------------


def cut(file: Path, dice: Random, begin: int = 1) -> None:
    os.truncate(file, dice.randrange(begin, file.stat().st_size))


def overwrite(file: Path, at: int, data: bytes) -> None:
    with file.open("r+b") as opened:
        opened.seek(at)
        opened.write(data)


def flip(file: Path, at: int) -> None:
    overwrite(file, at, bytes([file.read_bytes()[at] ^ 0xFF]))


def flip_in(file: Path, dice: Random) -> None:
    flip(file, dice.randrange(file.stat().st_size))


def wal_zeroed(run: Path, dice: Random) -> None:
    size = (run / WAL).stat().st_size
    at = dice.randrange(size)
    overwrite(run / WAL, at, bytes(size - at))


def garbage(run: Path, dice: Random) -> None:
    with (run / WAL).open("ab") as opened:
        opened.write(dice.randbytes(dice.randrange(1, 5000)))


def block(run: Path, dice: Random) -> int:
    """The place of some block of the file."""
    return HEADERS + BLOCK * dice.randrange(((run / LOG).stat().st_size - HEADERS) // BLOCK)


DAMAGES: dict[str, tuple[str, Damage]] = {  # how the log was left, and what then happens
    "WAL cut": ("killed", lambda run, dice: cut(run / WAL, dice)),
    "WAL's end zeroed": ("killed", wal_zeroed),
    "byte of the WAL flipped": ("killed", lambda run, dice: flip_in(run / WAL, dice)),
    "garbage after the WAL": ("killed", garbage),
    "WAL gone": ("killed", lambda run, _: (run / WAL).unlink()),
    "file gone": ("killed", lambda run, _: (run / LOG).unlink()),
    "file cut": ("closed", lambda run, dice: cut(run / LOG, dice, HEADERS)),
    "block zeroed": (
        "closed",
        lambda run, dice: overwrite(run / LOG, block(run, dice), bytes(BLOCK)),
    ),
    "byte of a block flipped": (
        "closed",
        lambda run, dice: flip(run / LOG, block(run, dice) + dice.randrange(BLOCK)),
    ),
    "header destroyed": (
        "closed",
        lambda run, dice: overwrite(run / LOG, 4096 * dice.randrange(3), bytes(4096)),
    ),
    "journal cut": ("journal", lambda run, dice: cut(run / JOURNAL, dice)),
    "byte of the journal flipped": ("journal", lambda run, dice: flip_in(run / JOURNAL, dice)),
    "WAL gone, with a journal": ("journal", lambda run, _: (run / WAL).unlink(missing_ok=True)),
}


@dataclass(frozen=True)
class Outcome:
    """What became of a damaged log."""

    found: str  # by whom: opening, check, or "harmless"
    events: int
    kept: int
    missing: dict[str, int]
    source: str = ""


def befall(whole: Path, run: Path, damage: Damage, dice: Random) -> Outcome:
    """Let a copy of a whole log be damaged, found, repaired and whole again."""
    acknowledged = hashes(shutil.copytree(whole, run.with_name(f"{run.name}-whole")))
    shutil.copytree(whole, run)
    damage(run, dice)
    found = _found(run)
    done = repair(run)
    now = hashes(run)
    assert [each for each in check(run) if each.verdict != "whole"] == []
    if done is None:
        assert (found, now) == ("harmless", acknowledged)
        return Outcome(found, len(now), len(now), {})
    kept = done.kept.seq
    assert now[:kept] == acknowledged[:kept]
    assert len(now) == kept + 1
    return Outcome(found, len(acknowledged), kept, done.missing, done.source)


def _found(run: Path) -> str:
    try:
        FinishedLog(run / LOG).close()
    except StoreError:
        return "opening"
    bad = [each for each in check(run) if each.verdict == "damaged"]
    return "check" if bad else "harmless"


def main(seeds: int) -> None:
    """Print what becomes of every damage at some random places."""
    shown = table(
        "what befalls a log", "seed", "found by", numbers=("events", "kept", "missing", "told")
    )
    shown.add_column("whose", overflow="fold")
    with tempfile.TemporaryDirectory() as folder:
        logs = write_all(Path(folder))
        for name, (end, damage) in DAMAGES.items():
            for seed in range(seeds):
                run = Path(folder) / f"{name}-{seed}".replace(" ", "-")
                seen = befall(logs[end], run, damage, Random(seed))  # noqa: S311
                told, lost = sum(seen.missing.values()), seen.events - seen.kept
                numbers = map(str, (seen.events, seen.kept, lost, told))
                whose = ", ".join(f"{sender} {n}" for sender, n in seen.missing.items())
                shown.add_row(name, str(seed), seen.found, *numbers, whose)
    Console(width=160).print(shown, highlight=False)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
