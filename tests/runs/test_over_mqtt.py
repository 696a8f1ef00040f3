"""A society over MQTT says what it says in one process, whoever is killed meanwhile."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from elsewhere import assert_same, count, hang
from halt import Halt, learnt
from live import AHEAD, Live, ask, finish, last_seq, simctl, start, wait_for, waiting, work
from mosquitto import Mosquitto
from proxy import Faults, Proxy, in_thread

SERVED_AGAIN = "worker_synced s, run_resumed r WHERE s.ok AND s.seq > r.seq"
LEASE = "5"  # seconds: a worker that has to wait for a busy machine does not lose its own
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def workers() -> Iterator[ExitStack]:
    """Workers that do not outlive the test."""
    with ExitStack() as stack:
        yield stack


def test_three_workers_say_what_one_process_says_and_the_run_is_like_any_other(
    tmp_path: Path, unbroken: Path, mosquitto: Mosquitto, workers: ExitStack
):
    run_dir, bus = tmp_path / "run", mosquitto.url("worker")
    crew = [workers.enter_context(work(bus, name)) for name in ("w0", "w1")]
    crew += [workers.enter_context(work(bus, "critic", "--roles", "critic,teacher"))]
    waiting(*crew)
    finish(start(run_dir, words=["--bus", mosquitto.url("owner")]))
    assert_ended(*crew)
    assert_same(run_dir, unbroken)
    verified = simctl("verify", run_dir)
    assert verified.returncode == 0, verified.stdout
    assert "divergences  0" in verified.stdout
    assert ask(run_dir, "SELECT count(*) > 0 AS there FROM lineage") == [{"there": True}]
    assert simctl("replay", run_dir, "--episode", "e2.001").returncode == 0
    told = simctl("workers", run_dir)
    assert [name in told.stdout for name in ("w0", "w1", "critic")] == [True] * 3


def test_workers_keep_up_with_a_run_that_is_ahead_of_its_trainer(
    tmp_path: Path, ahead: Path, workers: ExitStack
):
    run_dir = tmp_path / "run"
    with Mosquitto() as broker:  # its own: workers leave one where a run is over
        crew = [workers.enter_context(work(broker.url("worker"), name)) for name in ("w0", "w1")]
        waiting(*crew)
        finish(start(run_dir, sets=AHEAD, words=["--bus", broker.url("owner")]))
        assert_ended(*crew)
    assert_same(run_dir, ahead)


def test_workers_and_the_broker_may_be_killed_on_a_bad_way(
    tmp_path: Path, unbroken: Path, workers: ExitStack
):
    run_dir = tmp_path / "run"
    bad = Faults(drop=0.02, duplicate=0.05, reorder=0.05, corrupt=0.02, cut=0.01, seconds=0.02)
    with Mosquitto() as broker, in_thread(Proxy(broker.port, seed=1)) as proxy:
        proxy.inject(up=bad, down=bad)
        owner, worker = broker.url("owner", proxy.port), broker.url("worker", proxy.port)
        first = workers.enter_context(work(worker, "first"))
        with start(run_dir, words=["--bus", owner, "--lease", LEASE]) as run:
            wait_for(lambda: last_seq(run_dir) > 60)
            hang(first, run_dir, "first")
            workers.enter_context(work(worker, "second"))
            wait_for(lambda: count(run_dir, "lease_expired") > 0)
            first.kill()
            wait_for(lambda: last_seq(run_dir) > 120 or run.poll() is not None)
            broker.kill()
            broker.start()
            finish(run)
        assert sum(proxy.injected.values()) > 0
    assert_same(run_dir, unbroken)
    assert ask(run_dir, "SELECT held FROM workers WHERE worker = 'first'") == [{"held": 0}]


def test_the_owner_may_be_killed_and_a_worker_may_hang(
    tmp_path: Path, unbroken: Path, mosquitto: Mosquitto, workers: ExitStack
):
    run_dir, words = tmp_path / "run", ["--bus", mosquitto.url("owner"), "--lease", LEASE]
    hung = workers.enter_context(work(mosquitto.url("worker"), "hung"))
    amid = Halt(tmp_path / "halted", learnt(1))
    with amid, start(run_dir, words=words, env=amid.environment) as run:
        amid.wait()
        run.kill()
    with start(run_dir, words=words) as run:
        wait_for(lambda: count(run_dir, SERVED_AGAIN) > 0)
        hang(hung, run_dir, "hung")
        other = workers.enter_context(work(mosquitto.url("worker"), "other"))
        wait_for(lambda: count(run_dir, "lease_expired") > 0)
        # not before, or it could find the run over and wait for another
        wait_for(lambda: count(run_dir, "worker_joined WHERE worker = 'other'") > 0)
        os.kill(hung.pid, signal.SIGCONT)
        finish(run)
    assert_ended(hung, other)
    assert_same(run_dir, unbroken)
    assert ask(run_dir, "SELECT DISTINCT worker FROM lease_expired") == [{"worker": "hung"}]


def assert_ended(*workers: Live) -> None:
    """Workers end by themselves, and well, when the run is over."""
    for worker in workers:
        told, _ = worker.communicate(timeout=600)
        assert worker.returncode == 0, told
