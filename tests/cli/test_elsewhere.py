"""A broker that cannot be used is told at once, in a line, and no run is left behind."""

import subprocess
from pathlib import Path

import pytest
from live import SIMCTL, simctl
from mosquitto import Mosquitto

from simctl.bus.parcels import Live, Topics, dump

WRONG = {
    "a wrong password": "refuses the connection as 'owner'",
    "no broker": "cannot be reached",
    "a worker": "that is for its owner",
}


def url(wrong: str, mosquitto: Mosquitto) -> str:
    """Return an address at which nobody can own a run."""
    if wrong == "a wrong password":
        return f"mqtt://owner:wrong@127.0.0.1:{mosquitto.port}"
    if wrong == "no broker":
        return "mqtt://owner:any@127.0.0.1:9"  # a port that nothing takes by chance
    return mosquitto.url(wrong.removeprefix("a "))


@pytest.mark.parametrize(
    "wrong", ["a wrong password", "no broker", pytest.param("a worker", marks=pytest.mark.slow)]
)
def test_a_run_at_a_broker_that_does_not_let_it_is_not_begun(
    mosquitto: Mosquitto, tmp_path: Path, wrong: str
):
    said = simctl("run", "--run-dir", tmp_path / "run", "--bus", url(wrong, mosquitto))
    assert (said.returncode, said.stdout) == (2, "")
    assert WRONG[wrong] in said.stderr
    assert len(said.stderr.splitlines()) <= 3
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("wrong", ["a wrong password", "no broker"])
def test_a_worker_that_is_not_let_in_says_so_and_ends(mosquitto: Mosquitto, wrong: str):
    said = simctl("worker", "--bus", url(wrong, mosquitto))
    assert said.returncode == 2
    assert WRONG[wrong] in said.stderr


@pytest.fixture
async def dead(mosquitto: Mosquitto) -> None:
    """A run that is announced, and whose owner died."""
    announced = dump(Live(run="dead"))
    async with mosquitto.client("owner", "owner-dead") as owner:
        await owner.publish(Topics("dead").run, announced, qos=1, retain=True)


@pytest.mark.slow
def test_a_worker_that_stays_does_not_end_where_nobody_answers(mosquitto: Mosquitto, dead: None):
    del dead
    words = [SIMCTL, "worker", "--bus", mosquitto.url("worker"), "--name", "w", "--stay"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as worker:
        assert worker.stderr is not None
        assert "nobody answers" in worker.stderr.readline()
        assert worker.poll() is None
        worker.terminate()
        assert "stopped" in worker.stderr.read()
    assert worker.returncode == 0
