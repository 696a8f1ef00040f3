"""A run goes on after a repair, and from its bundle, and ends as if nothing had happened."""

import os
import shutil
from pathlib import Path
from random import Random

import duckdb
import pytest
from halt import Halt, learnt
from live import ask, assert_whole, chain, final_sha256, simctl, start

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def repaired(run_dir: Path) -> int:
    """Repair a run that does not go on without it; return how many events it lost."""
    refused = simctl("run", "--resume", run_dir)
    assert refused.returncode == 1
    assert "simctl store repair" in refused.stderr
    done = simctl("store", "repair", run_dir)
    assert done.returncode == 0, done.stdout + done.stderr
    [lost] = ask(run_dir, "select list_sum(map_values(missing)) n from log_repaired")
    return int(str(lost["n"]))


def assert_goes_on(run_dir: Path, unbroken: Path) -> None:
    resumed = simctl("run", "--resume", run_dir)
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert_whole(run_dir)
    assert final_sha256(run_dir) == final_sha256(unbroken)


def kill_amid(run_dir: Path) -> None:
    """Play two rounds of a run, and kill all of it while the third has not begun."""
    amid = Halt(run_dir.with_name("halted"), learnt(2))
    with amid, start(run_dir, env=amid.environment) as process:
        amid.wait()
        process.kill()


def test_a_killed_run_whose_write_ahead_log_is_torn_goes_on(unbroken: Path, tmp_path: Path):
    run_dir = tmp_path / "run"
    dice = Random(5)  # noqa: S311
    kill_amid(run_dir)
    wal = run_dir / "log.duckdb.wal"
    os.truncate(wal, int(wal.stat().st_size * dice.uniform(0.4, 0.9)))
    assert repaired(run_dir) > 0
    assert_goes_on(run_dir, unbroken)


def test_a_finished_run_that_lost_its_second_round_plays_it_again(unbroken: Path, tmp_path: Path):
    run_dir = shutil.copytree(unbroken, tmp_path / "run")
    [row] = ask(run_dir, "select seq from round_started where round = 2")
    hole = int(str(row["seq"])) + 40
    with duckdb.connect(run_dir / "log.duckdb") as connection:
        connection.execute(f"DELETE FROM events WHERE seq = {hole}")  # noqa: S608
    assert repaired(run_dir) == len(chain(unbroken)) - hole + 1
    assert sorted(each.name for each in (run_dir / "policies").iterdir()) == ["v000000", "v000001"]
    assert_goes_on(run_dir, unbroken)


def test_a_run_that_broke_off_goes_on_from_its_bundle(unbroken: Path, tmp_path: Path):
    kill_amid(tmp_path / "run")
    bundled = simctl("bundle", tmp_path / "run", "-o", tmp_path / "run.simctl")
    assert bundled.returncode == 0, bundled.stderr
    opened = simctl("open", tmp_path / "run.simctl", "--run-dir", tmp_path / "opened")
    assert opened.returncode == 0, opened.stderr
    assert_goes_on(tmp_path / "opened", unbroken)
