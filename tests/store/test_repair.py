"""A repair keeps the longest whole beginning, from wherever it can be read, and invents nothing."""

import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
import told
import torn

from simctl.bus.event import Event
from simctl.bus.messages import LogRepaired
from simctl.cli.recipe import load
from simctl.store import repair as repair_module
from simctl.store import segments
from simctl.store.check import check
from simctl.store.duck import DuckLog
from simctl.store.errors import LogBusyError
from simctl.store.findings import Finding
from simctl.store.finished import FinishedLog
from simctl.store.policies import WEIGHTS, PolicyState, PolicyStore
from simctl.store.repair import Repaired, repair


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("runs") / "told"
    return told.write(place, load("society", ["run.rounds=3"]))


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "told")


def events(run: Path) -> list[Event]:
    with FinishedLog(run / "log.duckdb") as log:
        return list(log.read())


def tear(run: Path, seq: int) -> None:
    with duckdb.connect(run / "log.duckdb") as connection:
        connection.execute(f"DELETE FROM events WHERE seq = {seq}")  # noqa: S608


def repaired(run: Path) -> Repaired:
    done = repair(run)
    assert done is not None
    return done


def damage(run: Path) -> list[Finding]:
    return [each for each in check(run) if each.verdict == "damaged"]


def test_the_first_event_after_a_repair_says_what_was_lost(run: Path, whole: Path):
    tear(run, 30)
    before = events(whole)
    done = repaired(run)
    *kept, said = events(run)
    assert kept == before[:29]
    assert (said.producer, said.epoch, said.pseq, said.sender) == ("repair", 0, 0, "repair")
    assert said.message == LogRepaired(kept=29, missing=done.missing, source=done.source)
    assert sum(done.missing.values()) == len(before) - 29


def test_senders_of_lost_events_are_told_where_a_row_still_tells_them(run: Path, whole: Path):
    tear(run, 30)
    lost = [event.sender for event in events(whole)[30:]]
    told_ = {sender: lost.count(sender) for sender in sorted(set(lost))}
    assert repaired(run).missing == told_ | {"unknown": 1}


def test_the_damaged_files_are_kept_as_they_were(run: Path):
    tear(run, 30)
    before = {name: (run / name).read_bytes() for name in ("log.duckdb", "log.tail")}
    aside = repaired(run).aside
    assert aside == run / "damaged-1"
    assert {name: (aside / name).read_bytes() for name in before} == before
    tear(run, 20)
    assert repaired(run).aside == run / "damaged-2"


def test_a_second_repair_counts_on_and_says_so(run: Path):
    tear(run, 60)
    repaired(run)
    tear(run, 60)  # what the first repair said
    done = repaired(run)
    assert (done.kept.seq, done.missing) == (59, {"unknown": 1})
    assert [each.epoch for each in events(run) if each.kind == "log_repaired"] == [0]


def test_segments_give_back_what_the_file_has_lost(run: Path, whole: Path):
    with FinishedLog(run / "log.duckdb") as log:
        segments.seal(log, run / segments.FOLDER, 20)
    tear(run, 30)
    tear(run, 50)
    done = repaired(run)
    assert done.missing == {}
    assert events(run)[:-1] == events(whole)
    assert "segments" in done.source
    assert damage(run) == []


def test_an_earlier_copy_gives_back_what_is_lost_when_a_repair_is_killed(run: Path, whole: Path):
    with FinishedLog(run / "log.duckdb") as log:
        end = log.last_seq
    shutil.copytree(run, run / "damaged-1")
    tear(run, end // 2)
    assert repaired(run).kept.seq == end
    assert events(run)[:-1] == events(whole)


def test_segments_that_are_damaged_are_set_aside(run: Path):
    with FinishedLog(run / "log.duckdb") as log:
        made = segments.seal(log, run / segments.FOLDER, 20)
    (run / segments.FOLDER / made[2].file).write_bytes(b"")
    tear(run, 50)
    repaired(run)
    manifest = segments.read(run / segments.FOLDER)
    assert manifest is not None
    assert [each.file for each in manifest.segments] == [each.file for each in made[:2]]
    assert (run / "damaged-1" / segments.FOLDER / made[2].file).exists()
    assert damage(run) == []


def version(run: Path, number: int, offset: int, pseq: int) -> None:
    state = PolicyState(version=number, event_offset=offset, pseq=pseq)
    write = lambda place: (place / WEIGHTS).write_text("weights") and None  # noqa: E731
    PolicyStore(run / "policies").commit(number, write, state)


def test_versions_that_know_lost_events_are_set_aside(run: Path):
    tear(run, 60)
    version(run, 0, 0, 0)
    version(run, 5, 59, 1)  # its announcement is what the trainer says next
    version(run, 6, 59, 3)  # the trainer has said more than the log has
    version(run, 7, 60, 1)
    done = repaired(run)
    assert done.policies == (6, 7)
    assert PolicyStore(run / "policies").versions() == [0, 5]
    assert PolicyStore(run / "damaged-1" / "policies").versions() == [6, 7]


def test_a_log_that_lacks_what_a_policy_has_learned_says_how_much(run: Path, whole: Path):
    last = len(events(whole))
    version(run, 9, last + 12, 1)
    done = repaired(run)
    assert (done.kept.seq, done.missing, done.policies) == (last, {"unknown": 12}, (9,))
    assert damage(run) == []


def test_nothing_is_changed_when_the_log_is_whole(run: Path):
    assert repair(run) is None
    assert not (run / "damaged-1").exists()


def test_a_log_that_somebody_holds_is_left_alone(run: Path):
    with DuckLog(run / "log.duckdb", run="told"), pytest.raises(LogBusyError):
        repair(run)


def test_a_torn_write_ahead_log_tells_exactly_whose_events_are_lost(tmp_path: Path):
    torn.write(tmp_path / "run", commits=20, size=10, end="killed")
    spoken = [event.sender for event in events(tmp_path / "run")]
    wal = tmp_path / "run" / "log.duckdb.wal"
    with wal.open("r+b") as opened:
        opened.truncate(wal.stat().st_size * 9 // 10)
    done = repaired(tmp_path / "run")
    lost = spoken[done.kept.seq :]
    assert 0 < len(lost) < len(spoken)
    assert done.missing == {sender: lost.count(sender) for sender in sorted(set(lost))}


@pytest.mark.parametrize("damage", ["zeroed", "flipped"])
def test_what_stands_before_a_damaged_part_of_the_write_ahead_log_is_kept(
    tmp_path: Path, damage: str
):
    torn.write(tmp_path / "run", commits=20, size=10, end="killed")
    wal = tmp_path / "run" / "log.duckdb.wal"
    size = wal.stat().st_size
    at = size * 9 // 10
    torn.overwrite(wal, at, bytes(size - at)) if damage == "zeroed" else torn.flip(wal, at)
    done = repaired(tmp_path / "run")
    assert 100 <= done.kept.seq < 200
    assert "with its WAL cut at byte" in done.source


def test_an_event_that_was_changed_is_not_kept(run: Path, whole: Path):
    with duckdb.connect(run / "log.duckdb") as connection:
        connection.execute("UPDATE events SET sender = 'nobody' WHERE seq = 30")
    assert repaired(run).kept.seq == 29
    assert events(run)[:-1] == events(whole)[:29]


def test_a_destroyed_header_is_made_anew(tmp_path: Path):
    torn.write(tmp_path / "run", commits=20, size=10, end="closed")
    torn.overwrite(tmp_path / "run" / "log.duckdb", 0, bytes(4096))
    done = repaired(tmp_path / "run")
    assert (done.kept.seq, done.missing) == (200, {})


def test_of_two_places_of_the_checkpoint_one_may_be_destroyed(tmp_path: Path):
    torn.write(tmp_path / "run", commits=20, size=10, end="closed")
    kept: list[int] = []
    for at in (4096, 8192):  # one tells of the last checkpoint, the other of the one before
        run = shutil.copytree(tmp_path / "run", tmp_path / f"run-{at}")
        torn.overwrite(run / "log.duckdb", at, bytes(4096))
        done = repaired(run)
        assert done.kept.seq + sum(done.missing.values()) == 200
        kept.append(done.kept.seq)
    assert max(kept) == 200


def test_a_journal_gives_back_what_the_write_ahead_log_has_lost(tmp_path: Path):
    torn.write(tmp_path / "run", commits=20, size=30, end="journal")
    (tmp_path / "run" / "log.duckdb").unlink()
    done = repaired(tmp_path / "run")
    assert (done.kept.seq, done.missing) == (600, {})
    assert done.source == "journal up to 600"
    assert not (tmp_path / "run" / "journal").exists()


_DYING = """
import os, sys
from pathlib import Path
from simctl.store import repair

left = int(sys.argv[2])

def dying(do):
    def act(*arguments, **options):
        global left
        if left == 0:
            os._exit(9)
        left -= 1
        return do(*arguments, **options)
    return act

put = repair._put
def dying_put(*arguments):
    Path.unlink = dying(Path.unlink)
    repair.replace = dying(repair.replace)
    return put(*arguments)
repair._put = dying_put
repair.repair(Path(sys.argv[1]))
"""


@pytest.mark.slow
def test_a_repair_that_is_killed_at_any_step_leaves_nothing_that_is_taken_for_whole(
    run: Path, whole: Path, tmp_path: Path
):
    tear(run, 30)
    step, code = 0, 9
    while code == 9:
        place = shutil.copytree(run, tmp_path / f"killed-{step}")
        command = [sys.executable, "-c", _DYING, place, str(step)]
        code = subprocess.run(command, check=False).returncode
        repair(place)
        kept = [event for event in events(place) if event.kind != "log_repaired"]
        assert kept == events(whole)[:29]
        step += 1
    assert (code, step > 4) == (0, True)


@pytest.mark.slow
def test_a_log_that_is_being_repaired_cannot_be_opened(run: Path):
    tear(run, 30)
    code = (
        "import sys; from pathlib import Path; from simctl.store.duck import DuckLog;"
        "DuckLog(Path(sys.argv[1]), run='told')"
    )
    with repair_module._held(run / "log.duckdb", run / "log.duckdb"):  # noqa: SLF001 - while it is at work
        tried = subprocess.run(
            [sys.executable, "-c", code, run / "log.duckdb"],
            check=False,
            capture_output=True,
            text=True,
        )
    assert "LogBusyError" in tried.stderr


def test_a_first_version_without_its_state_stays(run: Path):
    policies = PolicyStore(run / "policies")
    policies.commit(0, lambda at: (at / WEIGHTS).write_bytes(b"w") and None, PolicyState(version=0))
    (policies.path(0) / "trainer_state.json").write_text("{")
    tear(run, 30)
    assert repaired(run).policies == ()
    assert policies.path(0).exists()
