"""Opening a log: what is wrong is said, and nothing is lost."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from simctl.bus.event import Draft, Event, Utterance
from simctl.store.access import open_log
from simctl.store.duck import DuckLog
from simctl.store.errors import (
    ForeignLogError,
    LogBusyError,
    LogClosedError,
    LogCorruptError,
    RunMissingError,
    StoreError,
)
from simctl.store.finished import FinishedLog

Append = Callable[..., list[Event]]
Say = Callable[..., Draft]
_OPEN = """
import sys
from pathlib import Path
from simctl.store.finished import FinishedLog
from simctl.store.errors import StoreError
try:
    FinishedLog(Path(sys.argv[1]))
except StoreError as error:
    print(type(error).__name__, error)
"""


def test_a_closed_log_goes_on_where_it_ended(
    run_dir: Path, append: Append, say: Say, speech: Utterance
):
    path = run_dir / "log.duckdb"
    with DuckLog(path, run="run-a") as log:
        events = append(log, [say(0), say(1, utterance=speech), say(0, "e3.7")])
    with DuckLog(path, run="another name") as log:
        assert log.run == "run-a"
        assert list(log.read()) == events
        assert append(log, [say(1), say(2), say(1, "e3.7")])[0] == events[1]
        assert log.last_seq == 5


def test_a_finished_log_is_read_by_many(run_dir: Path, append: Append, say: Say):
    path = run_dir / "log.duckdb"
    with DuckLog(path, run="run-a") as log:
        events = append(log, [say(0), say(1)])
    with FinishedLog(path) as log:
        shown = subprocess.run(
            [sys.executable, "-c", _OPEN, path], check=True, capture_output=True, text=True
        )
        assert shown.stdout == ""
        assert log.last_seq == 2
        assert list(log.read()) == events
        assert log.query("SELECT max(seq) AS last FROM events").to_pylist() == [{"last": 2}]
        with pytest.raises(StoreError):
            log.query("DELETE FROM events")


def test_a_live_log_tells_who_holds_it(duck: DuckLog):
    shown = subprocess.run(
        [sys.executable, "-c", _OPEN, duck.path], check=True, capture_output=True, text=True
    )
    assert shown.stdout.startswith(f"LogBusyError run run-a is live in process {os.getpid()}")


def test_a_process_opens_a_log_once(duck: DuckLog):
    with pytest.raises(LogBusyError, match="run run-a is open already in this process"):
        DuckLog(duck.path, run="run-a")


def test_nothing_is_appended_after_the_end(duck: DuckLog, append: Append, say: Say):
    duck.close()
    with pytest.raises(LogClosedError):
        append(duck, [say(0)])


def test_a_run_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(RunMissingError, match="nowhere"):
        open_log(tmp_path / "nowhere")
    with pytest.raises(RunMissingError, match=r"no log at .*log\.duckdb"):
        open_log(tmp_path)


def test_a_foreign_file_is_left_alone(run_dir: Path):
    path = run_dir / "log.duckdb"
    path.write_text("not a database " * 1000)
    with pytest.raises(ForeignLogError, match="no DuckDB database"):
        DuckLog(path, run="run-a")
    assert path.read_text().startswith("not a database")


def test_a_foreign_database_is_left_alone(run_dir: Path):
    path = run_dir / "log.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE mine AS SELECT 1 AS a")
    with pytest.raises(ForeignLogError, match="not a log of simctl"):
        DuckLog(path, run="run-a")
    with duckdb.connect(path) as connection:
        assert connection.execute("SHOW TABLES").fetchall() == [("mine",)]


def test_a_log_of_a_later_format_is_refused(run_dir: Path):
    path = run_dir / "log.duckdb"
    DuckLog(path, run="run-a").close()
    with duckdb.connect(path) as connection:
        connection.execute("UPDATE log_header SET format = 99")
    with pytest.raises(ForeignLogError, match="format 99"):
        DuckLog(path, run="run-a")


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        ("DELETE FROM events WHERE seq = 2", "ends at event 3 but holds 2 events"),
        ("UPDATE events SET payload = '{}' WHERE seq = 3", "event 3 is not what its hash says"),
    ],
)
def test_a_changed_log_is_refused(run_dir: Path, append: Append, say: Say, damage: str, text: str):
    path = run_dir / "log.duckdb"
    with DuckLog(path, run="run-a") as log:
        append(log, [say(0), say(1), say(2)])
    with duckdb.connect(path) as connection:
        connection.execute(damage)
    with pytest.raises(LogCorruptError, match=text):
        DuckLog(path, run="run-a")


def test_damaged_bytes_are_refused(run_dir: Path, append: Append, say: Say):
    path = run_dir / "log.duckdb"
    with DuckLog(path, run="run-a") as log:
        append(log, [say(number) for number in range(100)])
    path.write_bytes(path.read_bytes()[:12288] + os.urandom(4096) * 200)
    with pytest.raises(StoreError, match=r"log\.duckdb"):
        DuckLog(path, run="run-a")


def test_a_closed_log_leaves_no_more_than_its_file_and_its_tail(run_dir: Path):
    DuckLog(run_dir / "log.duckdb", run="run-a").close()
    assert {each.name for each in run_dir.iterdir()} == {"log.duckdb", "log.tail"}
