"""Forks that are played: the same way again, and another one."""

import hashlib
import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from simctl.bus.event import Event
from simctl.bus.messages import PolicyUpdated
from simctl.store.access import open_log
from simctl.store.policies import hash_file

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SIMCTL = Path(sys.executable).with_name("simctl")


def simctl(*arguments: str | Path) -> str:
    done = subprocess.run(
        [SIMCTL, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def events(run_dir: Path) -> list[Event]:
    with open_log(run_dir) as log:
        return list(log.read())


def final_sha256(run_dir: Path) -> str:
    return hash_file(run_dir / "policies" / "v000003" / "model.safetensors")


def updates(run_dir: Path) -> list[tuple[str, dict[str, float]]]:
    said = (event.message for event in events(run_dir))
    return [(each.sha256, each.metrics) for each in said if isinstance(each, PolicyUpdated)]


def answers(run_dir: Path) -> list[tuple[str, str, str]]:
    """What every role said in every episode: tokens and log-probabilities, to the last bit."""
    spoken = (event for event in events(run_dir) if event.utterance is not None)
    return sorted((each.episode, each.kind, str(each.utterance)) for each in spoken)


def files(run_dir: Path) -> dict[str, str]:
    found = (path for path in run_dir.rglob("*") if path.is_file())
    return {str(each): hashlib.sha256(each.read_bytes()).hexdigest() for each in found}


def amid_answers(whole: list[Event]) -> int:
    """An event of round 2 that is one answer of several to an ask, and not the last of them."""
    made = [e for e in whole if e.kind == "attempt_made" and e.round == 2]
    return next(one.seq for one, two in pairwise(made) if one.cause == two.cause)


def test_a_fork_without_changes_ends_with_the_weights_of_its_parent(unbroken: Path, tmp_path: Path):
    whole, before, fork = events(unbroken), files(unbroken), tmp_path / "fork"
    at = amid_answers(whole)
    simctl("fork", unbroken, "--at", at, "--run-dir", fork)
    assert final_sha256(fork) == final_sha256(unbroken)
    assert updates(fork) == updates(unbroken)
    assert answers(fork) == answers(unbroken)
    forked = events(fork)
    assert [e.hash for e in forked[:at]] == [e.hash for e in whole[:at]]
    assert [e.kind for e in forked[at : at + 2]] == ["run_forked", "run_resumed"]
    assert {e.branch for e in forked[at:]} == {"fork"}
    # the same is said after it, and only its place in the log is another
    assert len(forked) == len(whole) + 2
    assert files(unbroken) == before


def test_a_fork_with_another_recipe_goes_its_own_way_and_is_learnt_again_from_there(
    unbroken: Path, tmp_path: Path
):
    fork, again = tmp_path / "fork", tmp_path / "again"
    changes = ("--set", "trainer.learning_rate=1e-3", "--only-create")
    simctl("fork", unbroken, "--round", "2", "--run-dir", fork, *changes)
    simctl("run", "--resume", fork, "-q")
    assert final_sha256(fork) != final_sha256(unbroken)
    own = [event for event in events(fork) if event.branch == "fork"]
    assert [event.round for event in own if event.kind == "round_started"] == [3]
    told = simctl("train", "--from", fork, "--out", again)
    assert "from v2 on, with which it left unbroken" in told
    assert hash_file(again / "v000003" / "model.safetensors") == final_sha256(fork)
    sql = "select rounds_ended, version from state_at('main', 1000000)"
    found = json.loads(simctl("query", fork, sql, "-f", "json"))
    assert found == [{"rounds_ended": 2, "version": 2}]
