"""Whole runs through the command line, and what they promise when processes are killed."""

import json
import re
import resource
import signal
from pathlib import Path

import pytest
from family import descendants
from halt import Halt, learnt
from live import (
    SMALL,
    ask,
    assert_whole,
    chain,
    final_sha256,
    finish,
    last_seq,
    simctl,
    start,
    trainer_of,
    wait_for,
)

from simctl.store.policies import PolicyStore, hash_file
from simctl.store.processes import alive

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The same run under another name, and what it printed."""
    run_dir = tmp_path_factory.mktemp("runs") / "other-name"
    return run_dir, finish(start(run_dir))


def test_a_run_ends_by_itself_and_says_where_it_is(other: tuple[Path, str]):
    run_dir, output = other
    assert str(run_dir) in output


def test_what_all_five_roles_said_trains_or_is_named_with_a_reason(unbroken: Path):
    trained = {row["role"] for row in ask(unbroken, "select distinct role from lineage")}
    dropped = {row["role"] for row in ask(unbroken, "select distinct role from sample_dropped")}
    assert trained | dropped == {"examiner", "solver", "critic", "guide", "teacher"}
    assert trained >= {"examiner", "solver"}


def test_two_runs_of_one_seed_have_one_chain_and_one_policy(
    unbroken: Path, other: tuple[Path, str]
):
    assert chain(other[0]) == chain(unbroken)
    assert final_sha256(other[0]) == final_sha256(unbroken)


def test_another_seed_gives_another_run(unbroken: Path, tmp_path: Path):
    finish(start(tmp_path / "run", sets=[*SMALL, "run.rounds=1"], words=["--seed", "1"]))
    first = PolicyStore(unbroken / "policies").sha256(1)
    assert final_sha256(tmp_path / "run") != first


def test_a_full_disk_ends_a_run_clearly_and_it_can_go_on(unbroken: Path, tmp_path: Path):
    run_dir = tmp_path / "run"

    def small_disk() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, resource.RLIM_INFINITY))

    # a limit on a file's size, as a disk has one
    with start(run_dir, preexec_fn=small_disk) as process:
        output, _ = process.communicate(timeout=600)
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
    run_dir, amid = tmp_path / "run", Halt(tmp_path / "halted", learnt(1))
    with amid, start(run_dir, env=amid.environment) as process:
        amid.wait()
        sql = "select role, count(*) n, avg(reward) reward from grades group by role order by role"
        said = simctl("query", run_dir, sql, "--format", "json")
        assert process.poll() is None
    assert said.returncode == 0, said.stderr
    assert {row["role"] for row in json.loads(said.stdout)} >= {"solver"}


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
    with start(run_dir, sets=[*SMALL, "run.rounds=1000"]) as process:  # it is not over before
        wait_for(lambda: last_seq(run_dir) >= 50)
        wait_for(lambda: trainer_of(process) is not None)
        begun = list(descendants(process.pid))
        process.kill()
    wait_for(lambda: not any(alive(each) for each in begun))
