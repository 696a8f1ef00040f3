"""A check finds whatever is not as the log promises, and names the first bad event."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
import told
import torn

from simctl.bus.event import Draft, Event
from simctl.bus.messages import (
    BatchBuilt,
    RoundEnded,
)
from simctl.cli.recipe import load
from simctl.store import segments
from simctl.store.check import check
from simctl.store.duck import DuckLog, create
from simctl.store.errors import LogBusyError, RunMissingError
from simctl.store.findings import COPY, REPAIR, Finding
from simctl.store.finished import FinishedLog
from simctl.store.policies import WEIGHTS, PolicyState, PolicyStore
from simctl.store.rows import PAGE
from simctl.store.server import Endpoint
from simctl.store.tail import Mark, Tail

Append = Callable[..., list[Event]]
Say = Callable[..., Draft]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("runs") / "told"
    return told.write(place, load("society", ["run.rounds=3"]))


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    """A copy of a told run that a test may damage."""
    return shutil.copytree(whole, tmp_path / "told")


def change(run: Path, sql: str) -> None:
    with duckdb.connect(run / "log.duckdb") as connection:
        connection.execute(sql)


def bad(run: Path) -> list[Finding]:
    return [each for each in check(run) if each.verdict != "whole"]


def last(run: Path) -> tuple[int, str]:
    with FinishedLog(run / "log.duckdb") as log:
        [event] = log.read(log.last_seq - 1)
    return event.seq, event.hash


def test_a_whole_run_has_nothing_to_find(whole: Path):
    found = list(check(whole))
    assert [each.name for each in found if each.verdict != "whole"] == []
    names = ["file", "order", "chain", "speakers", "causes", "tail"]
    names += ["kinds", "views", "lineage", "policies", "segments"]
    assert [each.name for each in found] == names


@pytest.mark.parametrize(
    ("damage", "name", "seq"),
    [
        ("DELETE FROM events WHERE seq = 20", "order", 20),
        ("INSERT INTO events SELECT * FROM events WHERE seq = 20", "order", 21),
        ("DELETE FROM events WHERE seq = 20", "chain", 20),
        ("UPDATE events SET sender = 'nobody' WHERE seq = 20", "chain", 20),
        ("UPDATE events SET payload = payload || ' ' WHERE seq = 23", "chain", 23),
        ("UPDATE events SET prev_hash = hash WHERE seq = 20", "chain", 20),
        ("UPDATE events SET prompt_tokens = [1], tokens = [2] WHERE seq = 17", "chain", 17),
        ("UPDATE events SET pseq = pseq + 1 WHERE seq = 20", "speakers", 20),
        ("UPDATE events SET id = uuid() WHERE seq = 20", "speakers", 20),
        ("UPDATE events SET epoch = 1 WHERE seq = 20", "speakers", 20),
        ("UPDATE events SET cause = 20 WHERE seq = 20", "causes", 20),
        ("UPDATE events SET cause = 90 WHERE seq = 20", "causes", 20),
    ],
)
def test_a_changed_event_is_found_and_named(run: Path, damage: str, name: str, seq: int):
    change(run, damage)
    assert (name, seq) in {(each.name, each.seq) for each in bad(run)}


def test_an_episode_that_speaks_after_its_round_is_counted_on(
    run_dir: Path, append: Append, say: Say, round_ended: Callable[[int], RoundEnded]
):
    with DuckLog(run_dir / "log.duckdb", run="run-a") as log:
        append(log, [say(at, "e1.000") for at in range(PAGE - 1)])
        append(log, [say(0, message=round_ended(1), round=1), say(PAGE - 1, "e1.000")])
    assert bad(run_dir) == []


def test_a_field_that_a_view_does_not_show_is_found(run: Path):
    change(run, "UPDATE events SET payload = '{}' WHERE kind = 'round_started' AND round = 2")
    found = {each.name: each.text for each in bad(run)}
    assert found["kinds"] == "round_started shows 2 of 3 events"


def test_a_view_that_is_gone_is_told(run: Path):
    change(run, "DROP VIEW policy_synced CASCADE")
    assert {each.name for each in bad(run)} >= {"kinds"}


def test_a_batch_of_later_events_is_found(run_dir: Path, append: Append, say: Say):
    batch = BatchBuilt(version=1, sources=(1, 9), samples=2, tokens=3, digest="")
    with DuckLog(run_dir / "log.duckdb", run="run-a") as log:
        append(log, [say(0), say(1, message=batch)])
    assert [(each.name, each.seq, each.remedy) for each in bad(run_dir)] == [("lineage", 2, COPY)]


def test_events_that_the_tail_knows_and_the_log_does_not_are_counted(run: Path):
    with FinishedLog(run / "log.duckdb") as log:
        [*_, before, last_] = log.read(log.last_seq - 4)
    lost = [
        replace(before, seq=last_.seq + 1, sender="solver"),
        replace(before, seq=last_.seq + 2, sender="critic"),
        replace(before, seq=last_.seq + 3, sender="solver"),
    ]
    with Tail(run / "log.duckdb", Mark(last_.seq, last_.hash, {})) as tail:
        tail.append(lost)
    [found] = bad(run)
    assert (found.name, found.seq, found.remedy) == ("tail", last_.seq + 1, REPAIR)
    assert found.text == "3 acknowledged events are missing (solver 2, critic 1)"


def test_another_event_than_the_acknowledged_one_is_found(run: Path):
    seq, _ = last(run)
    Tail(run / "log.duckdb", Mark(seq, "ab" * 32, {})).close()
    [found] = bad(run)
    assert (found.name, found.seq) == ("tail", seq)


def policy(run: Path, version: int, offset: int) -> Path:
    store = PolicyStore(run / "policies")
    state = PolicyState(version=version, event_offset=offset)
    store.commit(version, lambda place: (place / WEIGHTS).write_text("weights") and None, state)
    return store.path(version)


def test_weights_that_are_not_those_announced_are_found(run: Path):
    policy(run, 1, 10)
    [found] = bad(run)
    assert (found.name, found.mendable) == ("policies", False)
    assert "version 1" in found.text


def test_a_version_that_has_learned_from_events_the_log_lacks_is_found(run: Path):
    policy(run, 9, 10_000)
    [found] = bad(run)
    assert (found.name, found.mendable) == ("policies", True)
    assert "learned from event 10000" in found.text


def sealed(run: Path) -> segments.Manifest:
    with FinishedLog(run / "log.duckdb") as log:
        segments.seal(log, run / segments.FOLDER, 50)
    manifest = segments.read(run / segments.FOLDER)
    assert manifest is not None
    return manifest


def test_a_damaged_segment_is_named(run: Path):
    name = sealed(run).segments[1].file
    (run / segments.FOLDER / name).write_bytes(b"")
    [found] = bad(run)
    assert (found.name, found.mendable) == ("segments", False)
    assert name in found.text


def test_segments_of_another_past_are_found(run: Path):
    manifest = sealed(run)
    other = manifest.segments[-1].model_copy(update={"hash": "ab" * 32})
    changed = manifest.model_copy(update={"segments": (*manifest.segments[:-1], other)})
    segments.write(run / segments.FOLDER, changed)
    assert [(each.name, each.seq) for each in bad(run)] == [("segments", last(run)[0])]


def test_a_damaged_block_is_found_and_the_rest_is_looked_at(run: Path):
    file = run / "log.duckdb"
    data = bytearray(file.read_bytes())
    events = data.index(b"round_started")  # somewhere in the events' data
    data[events] ^= 0xFF
    file.write_bytes(data)
    found = bad(run)
    assert {each.name for each in found} & {"blocks", "file"}
    assert all(each.mendable for each in found if each.verdict == "damaged")


def test_a_file_that_duckdb_does_not_open_is_told(run: Path):
    (run / "log.duckdb").write_bytes(b"\0" * 50_000)
    [found] = bad(run)
    assert (found.name, found.mendable) == ("file", True)


def test_a_live_run_can_be_checked(run: Path):
    with (
        DuckLog(run / "log.duckdb", run="told") as log,
        Endpoint(log, run, log.submit),
    ):
        assert bad(run) == []


def test_a_log_that_somebody_holds_in_silence_is_not_checked(run: Path):
    with DuckLog(run / "log.duckdb", run="told"), pytest.raises(LogBusyError):
        list(check(run))


def test_a_run_that_is_not_there_is_told(tmp_path: Path):
    with pytest.raises(RunMissingError, match="nowhere"):
        list(check(tmp_path / "nowhere"))


def test_events_that_only_the_journal_has_are_looked_at_and_told(tmp_path: Path):
    torn.write(tmp_path / "run", commits=20, size=30, end="journal")
    [order] = [each for each in check(tmp_path / "run") if each.name == "order"]
    assert order.text == "600 events, each seq once"
    assert bad(tmp_path / "run") == []


def test_a_log_has_its_views_as_soon_as_it_is_there(tmp_path: Path):
    create(tmp_path / "log.duckdb", "run-a", "main")
    assert not [each for each in check(tmp_path) if each.verdict != "whole"]
