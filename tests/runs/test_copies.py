"""A run whose examiner has weights of its own: killed, done once more, left, and sent away."""

import os
import signal
from pathlib import Path

import pytest
from halt import Halt, learnt
from live import SMALL, ask, assert_whole, final_sha256, finish, simctl, start

from simctl.store.policies import PolicyStore, copies

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
# both learn in every round, so that both copies have something to lose
BOTH = [f"objective.{at}.rounds_{part}={n}" for at in (0, 1) for part, n in (("on", 1), ("off", 0))]
SETS = [*SMALL, *BOTH, "objective.0.offset=0", "objective.0.band=[0.0,1.0]"]
PROMOTING = [
    "run.rounds=3",
    "run.episodes=2",
    "suite=[]",
    "episode.sets=2",
    "episode.set_size=3",
    "episode.exam=8",
    "episode.steps=3",
    "promotion.threshold=-1.0",
    "promotion.window=2",
]


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run that nobody disturbed."""
    run_dir = tmp_path_factory.mktemp("runs") / "apart"
    finish(start(run_dir, "r_zero", SETS))
    return run_dir


def test_both_copies_learn_and_every_version_is_proved(apart: Path):
    policies = PolicyStore(apart / "policies")
    shared = {(policies.path(v) / "model.safetensors").read_bytes() for v in range(4)}
    own = {
        (copies(policies.path(v))["examiner"] / "model.safetensors").read_bytes() for v in (1, 2, 3)
    }
    assert (len(shared), len(own), len(shared | own)) == (4, 3, 7)
    synced = ask(apart, "select ok, delta < 1e-4 as near from policy_synced")
    assert synced == [{"ok": True, "near": True}] * 3
    assert_whole(apart)


def test_it_comes_out_the_same_once_more_with_the_same_weights(apart: Path):
    said = simctl("verify", apart)
    assert said.returncode == 0, said.stdout + said.stderr
    assert "3 versions rebuilt, each with the sha256 in the log" in said.stdout


def test_a_killed_trainer_ends_with_the_same_weights(apart: Path, tmp_path: Path):
    killed, amid = tmp_path / "killed", Halt(tmp_path / "halted", learnt(2))
    with amid, start(killed, "r_zero", SETS, env=amid.environment) as process:
        os.kill(amid.wait(), signal.SIGKILL)
        finish(process)
    assert final_sha256(killed) == final_sha256(apart)


def test_a_fork_goes_on_with_both_copies_or_with_one_set(apart: Path, tmp_path: Path):
    same, one = tmp_path / "same", tmp_path / "one"
    assert simctl("fork", apart, "--round", "1", "--run-dir", same, "-q").returncode == 0
    assert final_sha256(same) == final_sha256(apart)
    sets = ["--set", "trainer.separate=[]"]
    assert simctl("fork", apart, "--round", "2", *sets, "--run-dir", one, "-q").returncode == 0
    policies = PolicyStore(one / "policies")
    assert [sorted(copies(policies.path(v))) for v in (2, 3)] == [["examiner"], []]


def test_a_bundle_has_the_copies(apart: Path, tmp_path: Path):
    file, there = tmp_path / "apart.simctl", tmp_path / "there"
    assert simctl("bundle", apart, "-o", file).returncode == 0
    opened = simctl("open", file, "--run-dir", there)
    assert opened.returncode == 0, opened.stderr
    PolicyStore(there / "policies").verify(3, final_sha256(apart))
    shown = simctl("replay", there).stdout
    assert "examiner loss" in shown
    assert "own weights: examiner" in shown


def test_a_promotion_is_said_shown_and_comes_out_the_same_once_more(tmp_path: Path):
    run_dir = tmp_path / "soar"
    said = finish(start(run_dir, "soar", PROMOTING))
    assert "policy v2 goes on from the copy that sat exam" in said
    [promoted] = ask(
        run_dir, "select version, steps, len(sources) > 0 as learnt from copy_promoted"
    )
    assert promoted == {"version": 2, "steps": 3, "learnt": True}
    assert simctl("verify", run_dir).returncode == 0
    policies = PolicyStore(run_dir / "policies")
    hashes = [(policies.path(v) / "model.safetensors").read_bytes() for v in range(4)]
    assert hashes[0] == hashes[1] != hashes[2] == hashes[3]
