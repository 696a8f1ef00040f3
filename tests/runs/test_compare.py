"""A comparison that is killed midway goes on with what is left of it."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from halt import Halt, learnt
from live import SIMCTL, Live, wait_for

from simctl.cli.runs import is_finished
from simctl.store.access import open_log
from simctl.store.address import find
from simctl.store.errors import LogBusyError, RunMissingError

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SUITE = '[{name = "targets", difficulty = 3, problems = 5}]'
SETS = ["run.rounds=2", "run.episodes=2", "episode.num_generations=2", f"suite={SUITE}"]
# the name of an arm, and of its runs; a trainer in each would take most of the time
ARMS = {"grpo:objective=[]": "grpo_objective=", "star": "star"}


def start(place: Path, **options: Any) -> Live:
    sets = [word for each in SETS for word in ("--set", each)]
    words = [*ARMS, "--seeds", "0", "1", "--tokens", "90000", "--jobs", "2", "-f", "json", *sets]
    return Live(
        [SIMCTL, "compare", *words, "--dir", place],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )


def runs(place: Path) -> list[Path]:
    return [place / f"{arm}-{seed}" for arm in ARMS.values() for seed in (0, 1)]


def is_over(run_dir: Path) -> bool:
    """Whether no process has a run: the last thing that one lets go of is the log's file."""
    if find(run_dir) is not None:
        return False
    try:
        with open_log(run_dir):
            return True
    except RunMissingError:
        return True
    except LogBusyError:
        return False


def finished(run_dir: Path) -> bool:
    """Whether a run has ended, so that nobody plays it again."""
    if not run_dir.exists() or find(run_dir) is not None:
        return False
    with open_log(run_dir) as log:
        return is_finished(log)


def killed(place: Path) -> dict[Path, float]:
    """Kill a comparison amid its third run; return when those that ended did."""
    third, amid = place / "star-0", Halt(place.with_name("halted"), learnt(1, "star-0"))
    with amid, start(place, env=amid.environment) as process:
        amid.wait()
        process.kill()  # which its runs hear of, though nobody tells them
        amid.go_on()
    wait_for(lambda: all(map(is_over, runs(place))))
    over = {each: (each / "log.duckdb").stat().st_mtime for each in runs(place) if finished(each)}
    assert over
    assert third not in over
    return over


Resumed = tuple[Path, dict[Path, float], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def resumed(tmp_path_factory: pytest.TempPathFactory) -> Resumed:
    """Where it was killed and went on, when the first runs had ended, and the rows it came to."""
    place = tmp_path_factory.mktemp("compared")
    over = killed(place)
    with start(place) as process:
        out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    return place, over, json.loads(out)


def test_every_arm_and_seed_is_played_to_its_end(resumed: Resumed):
    place, _, rows = resumed
    assert [(row["arm"], row["seeds"]) for row in rows] == [(arm, [0, 1]) for arm in ARMS]
    assert all(map(finished, runs(place)))


def test_a_finished_run_is_not_played_again(resumed: Resumed):
    _, over, _ = resumed
    assert {each: (each / "log.duckdb").stat().st_mtime for each in over} == over


def test_a_run_that_broke_off_goes_on(resumed: Resumed):
    with open_log(resumed[0] / "star-0") as log:
        found = log.query("select incarnation from run_resumed").to_pylist()
    assert found == [{"incarnation": 2}]
