"""A log that has lost what it acknowledged does not open as if nothing were missing."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from simctl.bus.event import GENESIS, Draft, Event
from simctl.store import tail
from simctl.store.duck import DuckLog
from simctl.store.errors import LogCorruptError
from simctl.store.finished import FinishedLog
from simctl.store.ledger import MANY

Append = Callable[..., list[Event]]
Say = Callable[..., Draft]


@pytest.fixture
def torn(run_dir: Path, tmp_path: Path, append: Append, say: Say) -> Path:
    """Give a log whose last two of three commits never reached the disk: DuckDB opens it."""
    path, shorter = run_dir / "log.duckdb", tmp_path / "shorter"
    shorter.mkdir()
    with DuckLog(path, run="run-a") as log:
        append(log, [say(0)])
        for file in run_dir.glob("log.duckdb*"):
            shutil.copy(file, shorter)
        append(log, [say(0, "e1.0", sender="solver"), say(0, "e1.1", sender="solver")])
        append(log, [say(1), say(1, "e1.0", sender="critic")])
        shutil.copy(run_dir / tail.FILE, shorter)
    return shorter / "log.duckdb"


def test_a_log_that_ends_early_is_refused_and_tells_whose_events_are_missing(torn: Path):
    missing = r"4 acknowledged events are missing .*solver 2, society 1, critic 1.* store repair"
    for opened in (lambda: DuckLog(torn, run="run-a"), lambda: FinishedLog(torn)):
        with pytest.raises(LogCorruptError, match=missing):
            opened()
    assert tail.lost(torn, 1) == {"solver": 2, "society": 1, "critic": 1}
    assert tail.lost(torn, 3) == {"society": 1, "critic": 1}


def test_a_log_without_its_file_is_not_begun_anew(torn: Path):
    torn.unlink()
    with pytest.raises(LogCorruptError, match="5 acknowledged events are missing"):
        DuckLog(torn, run="run-a")
    assert not torn.exists()


def test_a_log_with_other_events_than_were_acknowledged_is_refused(torn: Path):
    last = {"seq": 1, "hash": "0" * 64, "senders": {"society": 1}}
    (torn.parent / tail.FILE).write_text(json.dumps(last) + "\n")
    with pytest.raises(LogCorruptError, match=r"event 1 of .* is not the one"):
        DuckLog(torn, run="run-a")


def test_a_log_without_a_tail_opens_and_gets_one(torn: Path, append: Append, say: Say):
    (torn.parent / tail.FILE).unlink()
    with FinishedLog(torn) as log:
        assert log.last_seq == 1
    with DuckLog(torn, run="run-a") as log:
        append(log, [say(1)])
        assert [mark.seq for mark in tail.marks(torn)] == [1, 2]


def test_a_closed_log_has_one_mark(run_dir: Path, append: Append, say: Say):
    path = run_dir / "log.duckdb"
    with DuckLog(path, run="run-a") as log:
        for number in range(3):
            last = append(log, [say(number)])[0]
        assert [mark.seq for mark in tail.marks(path)] == [0, 1, 2, 3]
    assert tail.marks(path) == [tail.Mark(last.seq, last.hash, {})]


def test_a_commit_that_was_killed_before_its_mark_is_marked_when_the_log_opens(
    run_dir: Path, tmp_path: Path, append: Append, say: Say
):
    copied = tmp_path / "copied"
    with DuckLog(run_dir / "log.duckdb", run="run-a") as log:
        append(log, [say(0)])
        marked = (run_dir / tail.FILE).read_text()
        append(log, [say(1), say(0, "e1.0", sender="solver")])
        shutil.copytree(run_dir, copied)
    torn = '{"seq": 3, "ha'
    (copied / tail.FILE).write_text(marked + torn)
    with DuckLog(copied / "log.duckdb", run="run-a"):
        last = tail.marks(copied / "log.duckdb")[-1]
    assert (last.seq, last.senders) == (3, {"society": 1, "solver": 1})


def test_the_last_mark_is_found_without_reading_all(run_dir: Path):
    path = run_dir / "log.duckdb"
    with tail.Tail(path, tail.Mark(0, GENESIS, {})) as written:
        for seq in range(1, 12_001):
            written.mark(tail.Mark(seq, "0" * 64, {"solver": 1}))
        assert written.size > 1_000_000
    found = tail.last_mark(path)
    assert found is not None
    assert found.seq == 12_000


def test_many_marks_are_made_needless_by_a_checkpoint(run_dir: Path, append: Append, say: Say):
    path, name = run_dir / "log.duckdb", "x" * (MANY // 4)
    with DuckLog(path, run="run-a") as log:
        for number in range(6):
            append(log, [say(number, sender=name)])
        assert [mark.seq for mark in tail.marks(path)] == [4, 5, 6]
