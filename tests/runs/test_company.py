"""A run whose trainer is two processes, of which one is killed."""

import os
import signal
from pathlib import Path

import pytest
from halt import Halt, learnt
from live import SMALL, ask, assert_whole, finish, followers_of, simctl, start

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
BOTH = [*SMALL, "trainer.processes=2", "episode.num_generations=2"]


@pytest.fixture(scope="module")
def struck(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that lost the second process of its trainer as that had learnt its first version."""
    run_dir = tmp_path_factory.mktemp("runs") / "both"
    amid = Halt(run_dir.with_name("halted"), learnt(1))
    with amid, start(run_dir, "grpo", BOTH, env=amid.environment) as process:
        [follower] = followers_of(amid.wait())
        os.kill(follower, signal.SIGKILL)
        amid.go_on()
        finish(process)
    return run_dir


def test_a_trainer_that_lost_a_process_is_started_again_and_nothing_is_lost(struck: Path):
    assert_whole(struck)
    [failed] = ask(struck, "select role, error from role_failed")
    assert failed["role"] == "trainer"
    assert "process 1 of the trainer ended with code -9" in (struck / "trainer.log").read_text()


def test_what_two_processes_learnt_is_learnt_again_to_the_bit(struck: Path):
    done = simctl("verify", struck, "--only", "trainer")
    assert done.returncode == 0, done.stdout
