"""`simctl store`: logs are sealed, checked and repaired from the command line."""

import shutil
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from calls import Command

from simctl.store.duck import DuckLog
from simctl.store.server import Endpoint


@pytest.fixture
def run_dir(told_run: Path, tmp_path: Path) -> Path:
    """A copy of the told run that a test may change."""
    return shutil.copytree(told_run, tmp_path / told_run.name)


def test_a_run_is_sealed_once_and_says_where(simctl: Command, run_dir: Path):
    said = simctl("store", "seal", run_dir)
    assert said.code == 0
    assert str(run_dir / "segments") in said.out
    sealed = pq.read_table(sorted((run_dir / "segments").glob("*.parquet")))
    assert sealed.column("seq").to_pylist() == list(range(1, sealed.num_rows + 1))
    assert "nothing is new" in simctl("store", "seal", run_dir).out


def test_a_run_that_is_not_there_cannot_be_sealed(simctl: Command):
    said = simctl("store", "seal", "nowhere")
    assert (said.code, "nowhere does not exist" in said.err) == (2, True)


def test_a_whole_run_is_said_to_be_whole(simctl: Command, run_dir: Path):
    said = simctl("store", "check", run_dir)
    assert (said.code, "✗" in said.out) == (0, False)
    assert f"{run_dir} is whole" in said.out


def test_a_damaged_run_is_named_with_its_first_bad_event_and_what_to_do(
    simctl: Command, run_dir: Path
):
    with duckdb.connect(run_dir / "log.duckdb") as connection:
        connection.execute("UPDATE events SET sender = 'nobody' WHERE seq = 20")
    said = simctl("store", "check", run_dir)
    assert said.code == 1
    assert "damaged, from event 20 on" in said.out
    assert f"simctl store repair {run_dir}" in said.out


def test_a_damaged_run_is_repaired_and_says_what_is_missing(simctl: Command, run_dir: Path):
    with duckdb.connect(run_dir / "log.duckdb") as connection:
        connection.execute("DELETE FROM events WHERE seq = 20")
        [last] = connection.execute("SELECT max(seq) FROM events").fetchone() or (0,)
    said = simctl("store", "repair", run_dir)
    assert (said.code, said.err) == (0, "")
    assert "19 events, from log.duckdb up to 19" in said.out
    assert f"{last - 19:,} events: " in said.out
    assert "unknown 1" in said.out
    assert (run_dir / "damaged-1" / "log.duckdb").exists()
    assert simctl("store", "check", run_dir).code == 0
    shown = simctl("query", run_dir, "select kept, source from log_repaired", "-f", "csv")
    assert shown.out == "kept,source\n19,log.duckdb up to 19\n"


def test_a_run_that_ended_has_still_ended_when_its_log_was_repaired(simctl: Command, run_dir: Path):
    simctl("store", "seal", run_dir)
    with duckdb.connect(run_dir / "log.duckdb") as connection:
        connection.execute("DELETE FROM events WHERE seq = 20")
    assert "nothing that anything still tells of" in simctl("store", "repair", run_dir).out
    assert "finished" in simctl("runs", "--runs-dir", run_dir.parent).out
    assert ", ended" in simctl("replay", run_dir).out


def test_a_whole_log_is_left_as_it_is(simctl: Command, run_dir: Path):
    before = {file: file.read_bytes() for file in run_dir.rglob("*") if file.is_file()}
    said = simctl("store", "repair", run_dir)
    assert (said.code, "nothing was changed" in said.out) == (0, True)
    assert {file: file.read_bytes() for file in run_dir.rglob("*") if file.is_file()} == before


def test_a_live_run_is_not_repaired(simctl: Command, run_dir: Path):
    with (
        DuckLog(run_dir / "log.duckdb", run="told") as log,
        Endpoint(log, run_dir, log.submit),
    ):
        said = simctl("store", "repair", run_dir)
    assert said.code == 2
    assert "is live: stop it" in said.err
