"""The trainer beside a live run: a real log, its endpoint, and a second process."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from live import followers_of

from simctl.bus.messages import PolicyUpdated
from simctl.store.duck import DuckLog
from simctl.store.errors import OwnerGoneError
from simctl.store.log import EventLog
from simctl.store.policies import PolicyStore
from simctl.store.server import Endpoint
from simctl.trainer.muster import Muster
from simctl.trainer.process import main, train
from simctl.trainer.retrain import retrain
from simctl.trainer.settings import Training

Story = Any  # conftest makes it
RECIPE = """
seed = 7
[trainer]
learning_rate = 1e-3
[[objective]]
kind = "rloo"
roles = ["solver"]
"""
PATIENCE = 300


class Run:
    """A live run, seen from its owner."""

    def __init__(self, path: Path, log: DuckLog, story: Story) -> None:
        self.path, self.log, self.story = path, log, story
        self._changed = threading.Condition()
        log.listen(self._ring)

    def updates(self) -> list[int]:
        return [e.message.version for e in self.log.read() if isinstance(e.message, PolicyUpdated)]

    def wait_for(self, version: int) -> None:
        """Return when the trainer has announced this version."""
        with self._changed:
            assert self._changed.wait_for(lambda: version in self.updates(), PATIENCE)

    def _ring(self, _: int) -> None:
        with self._changed:
            self._changed.notify_all()


@pytest.fixture
def run(tmp_path: Path, base: Path, story_in: Callable[[EventLog], Story]) -> Iterator[Run]:
    path = tmp_path / "run"
    path.mkdir()
    (path / "run.toml").write_text(RECIPE)
    PolicyStore(path / "policies").adopt(base)
    with DuckLog(path / "log.duckdb", run="run") as log:
        yield Run(path, log, story_in(log))


def test_rounds_are_answered_until_the_owner_is_gone(run: Run) -> None:
    with ThreadPoolExecutor() as threads:
        with Endpoint(run.log, run.path, run.log.submit):
            training = threads.submit(train, run.path)
            for version in (1, 2):
                run.story.play()
                run.wait_for(version)
        with pytest.raises(OwnerGoneError):
            training.result(PATIENCE)


@pytest.fixture
def hearing() -> Iterator[None]:
    """Let this process hear signals as before: a trainer hears them in its own way, for good."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("hearing")
def test_a_run_that_is_not_live_is_refused(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="1"):
        main(["--run-dir", str(run.path)])
    assert "is not live" in capsys.readouterr().err


@pytest.mark.slow
def test_a_signal_ends_the_process_cleanly_and_a_new_one_goes_on(run: Run) -> None:
    with Endpoint(run.log, run.path, run.log.submit):
        for version, number in ((1, signal.SIGTERM), (2, signal.SIGINT)):
            run.story.play()
            with started(run.path) as process:
                run.wait_for(version)
                process.send_signal(number)
                assert process.wait(PATIENCE) == 0
    assert run.updates() == [1, 2]


@pytest.mark.slow
def test_a_killed_trainer_goes_on_with_the_same_weights(
    run: Run, tmp_path: Path, base: Path
) -> None:
    with Endpoint(run.log, run.path, run.log.submit):
        run.story.play(2)
        with started(run.path) as process:
            run.wait_for(1)
            process.kill()
        with started(run.path) as process:
            run.wait_for(2)
            process.terminate()
            assert process.wait(PATIENCE) == 0
    training = Training.read(run.path / "run.toml")
    straight = retrain(run.log.read(), training, base, tmp_path / "straight")
    policies = PolicyStore(run.path / "policies")
    assert [u.sha256 for u in straight] == [policies.sha256(1), policies.sha256(2)]


@pytest.mark.slow
def test_what_torchrun_starts_dies_together_and_goes_on_with_the_same_weights(
    run: Run, tmp_path: Path, base: Path
) -> None:
    recipe = RECIPE.replace("[trainer]", "[trainer]\nprocesses = 2")
    (run.path / "run.toml").write_text(recipe)
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    with Endpoint(run.log, run.path, run.log.submit):
        run.story.play()
        with started(run.path, torchrun) as process:
            run.wait_for(1)
            os.kill(followers_of(process.pid)[-1], signal.SIGKILL)
            assert process.wait(PATIENCE) == 1
        run.story.play()
        process = started(run.path, torchrun)
        run.wait_for(2)
    assert process.wait(PATIENCE) == 0  # as the owner is gone
    with Muster() as muster:
        training = Training.parse(recipe)
        out = tmp_path / "straight"
        straight = retrain(run.log.read(), training, base, out, muster.learners)
        policies = PolicyStore(run.path / "policies")
        assert [u.sha256 for u in straight] == [policies.sha256(1), policies.sha256(2)]


def started(path: Path, launcher: Sequence[str] = ()) -> "subprocess.Popen[bytes]":
    ours = ("-m", "simctl.trainer.process", "--run-dir", str(path))
    return subprocess.Popen(
        [sys.executable, *launcher, *ours],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
