"""A society on a Ray cluster of this machine loses nothing, whatever dies."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from elsewhere import assert_same, count
from family import PROC, descendants, title
from halt import Halt, learnt
from invariants import assert_whole as assert_invariants
from live import SMALL, ask, assert_whole, finish, last_seq, start, wait_for
from ray_head import Head, head

from simctl.store.access import open_log

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


ENDLESS = [*SMALL, "run.rounds=1000"]


@pytest.fixture(scope="module")
def amid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Halt]:
    """Where the first trainer on the cluster stands still: it has learnt its first version."""
    with Halt(tmp_path_factory.mktemp("cluster") / "halted", learnt(1)) as halt:
        yield halt


@pytest.fixture(scope="module")
def cluster(amid: Halt) -> Iterator[Head]:
    with head(amid.environment) as found:
        yield found


def named(name: str) -> list[int]:
    """Return the processes that Ray calls by a name."""
    pids = (int(each.name) for each in PROC.iterdir() if each.name.isdigit())
    return [pid for pid in pids if title(pid).startswith(f"ray::{name}")]


def are_gone(processes: list[int]) -> bool:
    return not any((PROC / str(each)).exists() for each in processes)


def test_the_workers_and_then_the_trainer_may_be_killed_and_nothing_is_lost(
    tmp_path: Path, unbroken: Path, cluster: Head, amid: Halt
):
    run_dir = tmp_path / "run"
    words = ["--cluster", f"{cluster.url}?workers=2"]
    with start(run_dir, words=words, env=cluster.environment) as run:
        trainer = amid.wait()
        wait_for(lambda: count(run_dir, "worker_joined") > 1)
        for worker in named("SimctlWorker.work"):
            os.kill(worker, signal.SIGKILL)
        wait_for(lambda: count(run_dir, "worker_joined") > 2)
        os.kill(trainer, signal.SIGKILL)
        said = finish(run)
    assert "(raylet)" not in said
    assert_whole(run_dir)
    assert_same(run_dir, unbroken)
    with open_log(run_dir) as log:
        assert_invariants(log)
    assert ask(run_dir, "SELECT role FROM role_failed") == [{"role": "trainer"}]
    wait_for(lambda: not named("Simctl"))


def test_a_cluster_of_ones_own_ends_with_the_run_however_that_ends(tmp_path: Path):
    run_dir, words = tmp_path / "run", ["--cluster", "ray://local?workers=1"]
    with start(run_dir, sets=ENDLESS, words=words) as run:
        wait_for(lambda: last_seq(run_dir) > 60)
        begun = list(descendants(run.pid))
        run.send_signal(signal.SIGINT)
        said, _ = run.communicate(timeout=600)
    assert (run.returncode, "Traceback" in said) == (1, False), said
    assert len(begun) > 4
    wait_for(lambda: are_gone(begun))
    with start(run_dir, words=words) as run:
        wait_for(lambda: count(run_dir, "worker_joined") > 1)
        begun = list(descendants(run.pid))
        run.kill()
    wait_for(lambda: are_gone(begun))
