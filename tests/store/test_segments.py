"""Sealed segments: whole, in order, and readable by any tool."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from simctl.bus.event import GENESIS, Draft, Event, Utterance
from simctl.store import segments
from simctl.store.duck import DuckLog
from simctl.store.errors import LogBusyError, LogCorruptError
from simctl.store.finished import FinishedLog
from simctl.store.rows import SCHEMA, to_events, to_table

Append = Callable[..., list[Event]]
Say = Callable[..., Draft]


@pytest.fixture
def folder(run_dir: Path) -> Path:
    return run_dir / segments.FOLDER


@pytest.fixture
def events(duck: DuckLog, append: Append, say: Say, speech: Utterance) -> list[Event]:
    return append(duck, [say(at, utterance=speech if at % 2 else None) for at in range(25)])


def rows_in(folder: Path) -> pa.Table:
    manifest = segments.read(folder)
    assert manifest is not None
    parts = [
        page for each in manifest.segments for page in segments.table_pages(folder / each.file)
    ]
    return pa.concat_tables(parts)


def test_segments_hold_every_event_of_a_live_log(duck: DuckLog, events: list[Event], folder: Path):
    made = segments.seal(duck, folder, 10)
    assert [(each.first, each.last, each.rows) for each in made] == [
        (1, 10, 10),
        (11, 20, 10),
        (21, 25, 5),
    ]
    assert to_events(rows_in(folder)) == events


def test_a_manifest_names_hashes_that_lead_from_one_segment_to_the_next(
    duck: DuckLog, events: list[Event], folder: Path
):
    segments.seal(duck, folder, 10)
    manifest = segments.read(folder)
    assert manifest is not None
    assert (manifest.run, manifest.branch) == ("run-a", "main")
    befores = [each.prev_hash for each in manifest.segments]
    assert befores == [GENESIS, events[9].hash, events[19].hash]
    assert manifest.end.hash == events[-1].hash
    for each in manifest.segments:
        segments.verify(folder, each)


def test_sealing_again_goes_on_after_the_last_segment(
    duck: DuckLog, events: list[Event], folder: Path, append: Append, say: Say
):
    segments.seal(duck, folder, 20)
    assert segments.seal(duck, folder, 20) == []
    more = append(duck, [say(at) for at in range(25, 30)])
    [made] = segments.seal(duck, folder, 20)
    assert (made.first, made.last) == (26, 30)
    assert to_events(rows_in(folder)) == [*events, *more]


@pytest.mark.usefixtures("events")
def test_pyarrow_and_duckdb_read_segments_without_simctl(duck: DuckLog, folder: Path):
    segments.seal(duck, folder, 10)
    table = pq.read_table(sorted(folder.glob("*.parquet")))
    assert table.schema == SCHEMA
    with duckdb.connect() as connection:
        sealed = connection.read_parquet(f"{folder}/*.parquet")
        assert sealed.aggregate("count(*), max(seq), sum(len(tokens))").fetchall() == [(25, 25, 24)]


@pytest.mark.usefixtures("events")
def test_what_a_killed_process_left_is_sealed_again(duck: DuckLog, folder: Path):
    folder.mkdir()
    for name in (".000000000001-000000000010.parquet.99", "000000000001-000000000007.parquet"):
        (folder / name).write_bytes(b"half a segm")
    segments.seal(duck, folder, 20)
    assert sorted(each.name for each in folder.iterdir()) == [
        "000000000001-000000000020.parquet",
        "000000000021-000000000025.parquet",
        "manifest.json",
    ]


@pytest.mark.usefixtures("events")
def test_a_segment_that_was_changed_is_named(duck: DuckLog, folder: Path):
    [made] = segments.seal(duck, folder)
    data = bytearray((folder / made.file).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / made.file).write_bytes(data)
    with pytest.raises(LogCorruptError, match=made.file):
        segments.verify(folder, made)
    (folder / made.file).unlink()
    with pytest.raises(LogCorruptError, match="missing"):
        segments.verify(folder, made)


def test_another_log_is_not_sealed_behind_the_segments_of_one(
    duck: DuckLog, events: list[Event], folder: Path
):
    segments.seal(duck, folder)
    manifest = segments.read(folder)
    assert manifest is not None
    other = manifest.segments[0].model_copy(update={"hash": events[3].hash})
    segments.write(folder, manifest.model_copy(update={"segments": (other,)}))
    with pytest.raises(LogCorruptError, match="the segments end with event 25"):
        segments.seal(duck, folder)


def test_a_damaged_log_is_not_sealed(run_dir: Path, folder: Path, append: Append, say: Say):
    path = run_dir / "log.duckdb"
    with DuckLog(path, run="run-a") as log:
        append(log, [say(at) for at in range(9)])
    with duckdb.connect(path) as connection:
        connection.execute("UPDATE events SET sender = 'nobody' WHERE seq = 5")
    with FinishedLog(path) as log, pytest.raises(LogCorruptError, match="event 5 is not what"):
        segments.seal(log, folder)
    assert list(folder.iterdir()) == []


@pytest.mark.usefixtures("events")
def test_only_one_process_seals_a_run(duck: DuckLog, folder: Path):
    folder.mkdir()
    other = os.open(folder, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    with pytest.raises(LogBusyError, match="another process seals"):
        segments.seal(duck, folder)
    os.close(other)
    assert segments.seal(duck, folder)


def test_a_segment_gives_back_what_a_table_held(duck: DuckLog, events: list[Event], folder: Path):
    [made] = segments.seal(duck, folder)
    [page] = segments.table_pages(folder / made.file)
    assert page.equals(to_table(events))


def test_a_file_that_is_no_segment_is_refused(tmp_path: Path):
    (tmp_path / "x.parquet").write_text("no parquet")
    with pytest.raises(LogCorruptError, match=r"x\.parquet is damaged"):
        list(segments.table_pages(tmp_path / "x.parquet"))


def test_a_segment_without_a_manifest_stays_when_the_log_cannot_be_sealed(
    run_dir: Path, folder: Path, append: Append, say: Say
):
    path = run_dir / "log.duckdb"
    with DuckLog(path, run="run-a") as log:
        append(log, [say(at) for at in range(25)])
        segments.seal(log, folder)
    [sealed] = folder.glob("*.parquet")
    (folder / segments.MANIFEST).unlink()
    with duckdb.connect(path) as connection:
        connection.execute("UPDATE events SET sender = 'other' WHERE seq = 10")
    with FinishedLog(path) as log, pytest.raises(LogCorruptError):
        segments.seal(log, folder)
    assert sealed.exists()
