"""Whole runs through the command line, and what they promise when processes are killed."""

import json
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from simctl.store.access import open_log
from simctl.store.address import find
from simctl.store.policies import hash_file

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SMALL = ["run.rounds=3", "run.episodes=4", "episode.num_generations=4", "suite=[]"]
SIMCTL = Path(sys.executable).with_name("simctl")


def simctl(*arguments: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SIMCTL, *map(str, arguments)], capture_output=True, text=True, check=False, **options
    )


def start(run_dir: Path, recipe: str = "society", **options: object) -> subprocess.Popen[str]:
    sets = [word for each in SMALL for word in ("--set", each)]
    return subprocess.Popen(
        [SIMCTL, "run", recipe, "--run-dir", run_dir, *sets],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **options,
    )


def finish(process: subprocess.Popen[str]) -> str:
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 0, output
    return output


def ask(run_dir: Path, sql: str) -> list[dict[str, object]]:
    answer = simctl("query", run_dir, sql, "--format", "json")
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def wait_for(happens: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)  # another process makes it happen, so there is nothing to wait on


def last_seq(run_dir: Path) -> int:
    """How far a live run has come; -1 when nobody answers."""
    if find(run_dir) is None:
        return -1
    try:
        with open_log(run_dir) as log:
            return log.last_seq
    except Exception:  # noqa: BLE001 - it may be killed between the two lines
        return -1


def updates(run_dir: Path) -> int:
    """How many new policies a live run has announced."""
    if last_seq(run_dir) < 0:
        return 0
    return int(str(ask(run_dir, "select count(*) n from policy_updated")[0]["n"]))


def final_sha256(run_dir: Path) -> str:
    return hash_file(run_dir / "policies" / "v000003" / "model.safetensors")


def assert_whole(run_dir: Path) -> None:
    """Nothing is missing, nothing is there twice, and every batch trained once."""
    said = "count(distinct (producer, epoch, pseq)) said"
    [row] = ask(run_dir, f"select count(*) n, max(seq) last, {said} from events")  # noqa: S608
    assert row["n"] == row["last"] == row["said"]
    trained = ask(run_dir, "select version, count(*) n from batch_built group by 1 order by 1")
    assert trained == [{"version": version, "n": 1} for version in (1, 2, 3)]
    updated = ask(run_dir, "select version from policy_updated order by 1")
    assert [row["version"] for row in updated] == [1, 2, 3]
    assert ask(run_dir, "select detail from run_ended order by seq desc limit 1") == [
        {"detail": ""}
    ]


def chain(run_dir: Path) -> list[str]:
    with open_log(run_dir) as log:
        return [event.hash for event in log.read()]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run_dir = tmp_path_factory.mktemp("runs") / "unbroken"
    finish(start(run_dir))
    return run_dir


def test_a_run_ends_by_itself_and_says_where_it_is(tmp_path: Path):
    output = finish(start(tmp_path / "run"))
    assert str(tmp_path / "run") in output


def test_what_all_five_roles_said_trains_or_is_named_with_a_reason(unbroken: Path):
    trained = {row["role"] for row in ask(unbroken, "select distinct role from lineage")}
    dropped = {row["role"] for row in ask(unbroken, "select distinct role from sample_dropped")}
    assert trained | dropped == {"examiner", "solver", "critic", "guide", "teacher"}
    assert trained >= {"examiner", "solver"}


def test_two_runs_of_one_seed_have_one_chain_and_one_policy(unbroken: Path, tmp_path: Path):
    other = tmp_path / "other-name"
    finish(start(other))
    assert chain(other) == chain(unbroken)
    assert final_sha256(other) == final_sha256(unbroken)


def test_another_seed_gives_another_run(unbroken: Path, tmp_path: Path):
    sets = [word for each in SMALL for word in ("--set", each)]
    assert simctl("run", "--seed", "1", "--run-dir", tmp_path / "r", *sets).returncode == 0
    assert final_sha256(tmp_path / "r") != final_sha256(unbroken)


@pytest.mark.parametrize("seed", range(4))
def test_a_run_killed_at_any_moment_goes_on_without_loss(unbroken: Path, tmp_path: Path, seed: int):
    run_dir = tmp_path / "run"
    aim = Random(seed).randrange(1, len(chain(unbroken)))  # noqa: S311
    process = start(run_dir)
    wait_for(lambda: last_seq(run_dir) >= aim or process.poll() is not None)
    acknowledged = max(0, last_seq(run_dir))
    process.kill()
    process.communicate()
    resumed = simctl("run", "--resume", run_dir)
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert len(chain(run_dir)) >= acknowledged
    assert_whole(run_dir)
    assert final_sha256(run_dir) == final_sha256(unbroken)


def test_a_trainer_that_is_killed_is_started_again_and_trains_nothing_twice(
    unbroken: Path, tmp_path: Path
):
    run_dir = tmp_path / "run"
    process = start(run_dir)
    for version in (1, 2):
        wait_for(lambda wanted=version: updates(run_dir) >= wanted)
        trainer = f"simctl.trainer.process --run-dir {run_dir}"
        subprocess.run(["/usr/bin/pkill", "-9", "-f", trainer], check=False)
    finish(process)
    assert_whole(run_dir)
    assert final_sha256(run_dir) == final_sha256(unbroken)
    failures = ask(run_dir, "select error from role_failed")
    assert failures
    assert all("code -9" in str(row["error"]) for row in failures)


def test_ctrl_c_ends_a_run_with_a_summary_and_it_can_go_on(unbroken: Path, tmp_path: Path):
    run_dir = tmp_path / "run"
    process = start(run_dir)
    wait_for(lambda: last_seq(run_dir) >= 200)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "--resume" in output
    assert "Traceback" not in output
    assert ask(run_dir, "select reason from run_ended") == [{"reason": "interrupted"}]
    assert simctl("run", "--resume", run_dir).returncode == 0
    assert final_sha256(run_dir) == final_sha256(unbroken)


def test_a_full_disk_ends_a_run_clearly_and_it_can_go_on(unbroken: Path, tmp_path: Path):
    run_dir = tmp_path / "run"

    def small_disk() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, resource.RLIM_INFINITY))

    process = start(run_dir, preexec_fn=small_disk)  # a limit on a file's size, as a disk has one
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 1, output
    assert "--resume" in output
    assert "Traceback" not in output
    resumed = simctl("run", "--resume", run_dir)
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert_whole(run_dir)
    assert final_sha256(run_dir) == final_sha256(unbroken)


def test_training_from_the_log_rebuilds_the_weights_of_the_live_trainer(
    unbroken: Path, tmp_path: Path
):
    trained = simctl("train", "--from", unbroken, "--out", tmp_path / "again")
    assert trained.returncode == 0, trained.stdout + trained.stderr
    [file] = sorted((tmp_path / "again").rglob("v000003/model.safetensors"))
    assert hash_file(file) == final_sha256(unbroken)


def test_a_query_answers_while_the_run_is_on(tmp_path: Path):
    run_dir = tmp_path / "run"
    process = start(run_dir)
    wait_for(lambda: last_seq(run_dir) >= 100)
    sql = "select role, count(*) n, avg(reward) reward from grades group by role order by role"
    rows = ask(run_dir, sql)
    assert process.poll() is None
    assert {row["role"] for row in rows} >= {"solver"}
    finish(process)


def test_the_lineage_of_a_version_leads_back_to_who_posed_its_tasks(unbroken: Path):
    sql = "select version from lineage where role = 'solver' limit 1"  # one that learnt something
    [row] = ask(unbroken, sql)
    columns = "batch, source, attempt, task, problem, posed_by"
    rows = ask(unbroken, f"select {columns} from lineage where version = {row['version']}")  # noqa: S608
    assert {row["posed_by"] for row in rows} == {"examiner"}
    solved = [row for row in rows if row["attempt"] is not None]
    assert solved
    for row in solved:
        assert row["batch"] > row["source"] >= row["attempt"] > row["task"]
        assert row["problem"]


def test_the_first_number_of_a_version_is_its_sha256(unbroken: Path):
    for row in ask(unbroken, "select version, sha256 from policy_updated"):
        file = unbroken / "policies" / f"v{row['version']:06d}" / "model.safetensors"
        assert re.fullmatch(r"[0-9a-f]{64}", str(row["sha256"]))
        assert hash_file(file) == row["sha256"]


def test_nothing_is_left_running_when_the_run_is_killed(tmp_path: Path):
    run_dir = tmp_path / "run"
    process = start(run_dir)
    wait_for(lambda: last_seq(run_dir) >= 50)
    process.kill()
    process.communicate()
    pattern = f"simctl.trainer.process --run-dir {run_dir}"
    wait_for(
        lambda: subprocess.run(["/usr/bin/pgrep", "-f", pattern], check=False).returncode == 1,
        seconds=20,
    )
