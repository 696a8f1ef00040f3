"""The journal holds what was acknowledged until the file does, and gives it back."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from invariants import assert_kept, assert_whole

from simctl.bus.event import Draft, Event
from simctl.store import journal
from simctl.store.duck import DuckLog
from simctl.store.errors import LogBrokenError, LogCorruptError
from simctl.store.finished import FinishedLog
from simctl.store.journal import Journal
from simctl.store.rows import to_events

Append = Callable[..., list[Event]]
Say = Callable[..., Draft]


@pytest.fixture
def journalled(run_dir: Path) -> Iterator[DuckLog]:
    """Give an empty log with a journal in front."""
    with DuckLog(run_dir / "log.duckdb", run="run-a") as log:
        log.begin_journal()
        yield log


@pytest.fixture
def left(run_dir: Path, tmp_path: Path, append: Append, say: Say) -> tuple[Path, list[Event]]:
    """Give a log as a killed process leaves it, all but its first event only in the journal."""
    killed = tmp_path / "killed"
    with DuckLog(run_dir / "log.duckdb", run="run-a") as log:
        events = append(log, [say(0)])
        log.begin_journal()
        shutil.copytree(run_dir, killed)
        for number in range(1, 4):
            events += append(log, [say(number), say(number - 1, "e1.0", sender="solver")])
        for file in (journal.DIRECTORY, "log.tail"):
            shutil.rmtree(killed / file, ignore_errors=True)
            copy = shutil.copytree if (run_dir / file).is_dir() else shutil.copy
            copy(run_dir / file, killed / file)
    return killed / "log.duckdb", events


def journal_file(log: Path) -> Path:
    [file] = (log.parent / journal.DIRECTORY).iterdir()
    return file


def in_journal(log: Path) -> list[Event]:
    return [event for table in journal.rows(log) for event in to_events(table)]


def test_what_is_acknowledged_is_in_the_journal(journalled: DuckLog, append: Append, say: Say):
    events = append(journalled, [say(0), say(1)]) + append(journalled, [say(2)])
    assert in_journal(journalled.path) == events


def test_whoever_reads_misses_nothing(journalled: DuckLog, append: Append, say: Say):
    for number in range(5):
        last = append(journalled, [say(number)])[-1]
        assert journalled.query("SELECT max(seq) AS n FROM events").to_pylist() == [{"n": last.seq}]
        append(journalled, [say(number, "e1.0")])
        assert list(journalled.read())[-1].seq == journalled.last_seq
        append(journalled, [say(number, "e1.1")])
        assert journalled.page(0, 100).num_rows == journalled.last_seq


def test_what_was_said_before_is_recognised(journalled: DuckLog, append: Append, say: Say):
    first = append(journalled, [say(0), say(1)])
    assert append(journalled, [say(1), say(2), say(0)])[::2] == first[::-1]
    assert_whole(journalled)


def test_a_closed_log_needs_no_journal(journalled: DuckLog, append: Append, say: Say):
    events = append(journalled, [say(number) for number in range(3)])
    journalled.close()
    assert not (journalled.path.parent / journal.DIRECTORY).exists()
    with FinishedLog(journalled.path) as log:
        assert_kept(log, events)


def test_what_only_the_journal_has_is_in_the_log_when_it_opens(
    left: tuple[Path, list[Event]], append: Append, say: Say
):
    path, events = left
    with DuckLog(path, run="run-a") as log:
        assert list(log.read()) == events
        events += append(log, [say(4)])
    with DuckLog(path, run="run-a") as log:
        assert_kept(log, events)


def test_a_broken_off_log_is_read_with_what_its_journal_has(left: tuple[Path, list[Event]]):
    path, events = left
    with FinishedLog(path) as log:
        assert list(log.read()) == events


def test_catching_up_twice_changes_nothing(left: tuple[Path, list[Event]]):
    path, events = left
    kept = journal_file(path).read_bytes()
    with DuckLog(path, run="run-a"):
        pass
    path.with_name(journal.DIRECTORY).mkdir()
    (path.parent / journal.DIRECTORY / "rows").write_bytes(kept)
    with DuckLog(path, run="run-a") as log:
        assert_kept(log, events)
        assert log.last_seq == len(events)


@pytest.mark.parametrize("cut", [1, 5, 100, 1500])
def test_a_torn_record_ends_the_journal_and_what_is_lost_is_told(
    left: tuple[Path, list[Event]], cut: int
):
    path, events = left
    file = journal_file(path)
    file.write_bytes(file.read_bytes()[:-cut])
    assert in_journal(path) == events[1:5]
    with pytest.raises(LogCorruptError, match=r"2 acknowledged .*\(society 1, solver 1\)"):
        DuckLog(path, run="run-a")


def test_a_record_that_was_never_acknowledged_is_no_loss(left: tuple[Path, list[Event]]):
    path, events = left
    with journal_file(path).open("ab") as file:
        file.write(b"SJ01\x00\x10\x00\x00torn")
    with DuckLog(path, run="run-a") as log:
        assert list(log.read()) == events


def test_a_changed_byte_is_found(left: tuple[Path, list[Event]]):
    path, _ = left
    file = journal_file(path)
    changed = bytearray(file.read_bytes())
    changed[len(changed) // 2] ^= 1
    file.write_bytes(changed)
    with pytest.raises(LogCorruptError, match="acknowledged events are missing"):
        DuckLog(path, run="run-a")


def test_a_journal_of_another_course_is_refused(
    left: tuple[Path, list[Event]], tmp_path: Path, append: Append, say: Say
):
    path, _ = left
    with DuckLog(tmp_path / "log.duckdb", run="run-a") as log:
        append(log, [say(0, "another")])
    for start, text in ((0, "does not follow"), (2, "another in the journal")):
        place = tmp_path / f"place-{start}"
        place.mkdir()
        shutil.copy(tmp_path / "log.duckdb", place)
        with DuckLog(place / "log.duckdb", run="run-a") as log:
            append(log, [say(number, "another") for number in range(1, 1 + start)])
        shutil.copytree(path.parent / journal.DIRECTORY, place / journal.DIRECTORY)
        with pytest.raises(LogCorruptError, match=text):
            DuckLog(place / "log.duckdb", run="run-a")


def test_a_large_journal_is_cut_when_the_file_has_it(journalled: DuckLog, append: Append, say: Say):
    long = "x" * (journal.LARGE // 4)
    events: list[Event] = []
    for number in range(6):
        events += append(journalled, [say(number, episode=long)])
        assert_kept(journalled, events)
    assert journal_file(journalled.path).stat().st_size < journal.LARGE


def test_a_file_that_cannot_catch_up_breaks_the_log_and_loses_nothing(
    run_dir: Path, append: Append, say: Say
):
    path = run_dir / "log.duckdb"
    with DuckLog(path, run="run-a", patience=0.1) as log:
        log.begin_journal()
        events = append(log, [say(0)])
        log._database.connection.execute("DROP TABLE events CASCADE")  # noqa: SLF001 - no commit fits
        with pytest.raises(LogBrokenError):
            log.query("SELECT 1")
    assert in_journal(path) == events


def test_an_event_is_in_the_journal_once(run_dir: Path, append: Append, say: Say):
    path = run_dir / "log.duckdb"
    with DuckLog(path, run="run-a") as log:
        events = append(log, [say(0)])
    written = Journal(path)
    written.append(events)
    written.append(events)
    assert in_journal(path) == events
    written.close(needed=False)
    assert not journal.is_left(path)
