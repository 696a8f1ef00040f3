"""A run does the same once more, or the first thing that it does differently is named (P10)."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import live
import pytest
from halt import Halt, learnt
from live import SIMCTL, Live, finish

import simctl as package
from simctl.store.access import open_log

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SMALL = ["run.rounds=2", "run.episodes=3", "run.eval_every=1", "episode.num_generations=4"]
Change = Callable[[str, str, str], Path]
SUITE = '[{name = "targets", difficulty = 3, problems = 5}]'


def simctl(*arguments: str | Path, package_at: Path | None = None) -> tuple[int, str]:
    """Call the command line, of a changed copy of the package if there is one."""
    path = os.environ.get("PYTHONPATH", "") if package_at is None else str(package_at)
    done = subprocess.run(
        [SIMCTL, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": path, "PYTHONSAFEPATH": "1"},
    )
    return done.returncode, done.stdout + done.stderr


def start(run_dir: Path, **options: Any) -> Live:
    return live.start(run_dir, sets=[*SMALL, f"suite={SUITE}"], **options)


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("runs") / "run"
    finish(start(place))
    return place


@pytest.fixture
def changed(tmp_path: Path) -> Change:
    """Make a copy of the package with one line of it changed."""

    def change(file: str, old: str, new: str) -> Path:
        copy = tmp_path / "changed" / "simctl"
        shutil.copytree(Path(package.__file__).parent, copy)
        text = (copy / file).read_text()
        assert text.count(old) == 1
        (copy / file).write_text(text.replace(old, new))
        return copy.parent

    return change


def seq_of(run_dir: Path, kind: str) -> int:
    with open_log(run_dir) as log:
        return next(event.seq for event in log.read() if event.kind == kind)


def test_a_run_does_the_same_once_more(run_dir: Path):
    code, said = simctl("verify", run_dir)
    assert code == 0, said
    assert "divergences  0" in said
    assert "2 versions rebuilt" in said


def test_a_run_that_was_killed_and_resumed_does_the_same_once_more(tmp_path: Path):
    broken, amid = tmp_path / "broken", Halt(tmp_path / "halted", learnt(1))
    with amid, start(broken, env=amid.environment) as process:
        amid.wait()
        process.kill()
    code, said = simctl("verify", broken, "--only", "agents")
    assert code == 0, said
    assert "it was verified as far as its log goes" in said
    assert simctl("run", "--resume", broken)[0] == 0
    code, said = simctl("verify", broken)
    assert code == 0, said
    assert "run_resumed" in said


def test_a_prompt_with_one_more_character_is_the_first_divergence(run_dir: Path, changed: Change):
    copy = changed("agents/prompts.py", "{problem}>{attempt}|", "{problem}>{attempt}.|")
    code, said = simctl("verify", run_dir, "--only", "agents", package_at=copy)
    assert code == 1, said
    first = f"First divergence: event {seq_of(run_dir, 'critique_written')}, round 1, episode e1.00"
    assert first in said
    assert ", critic, on event " in said
    log, now, marks = (
        line.split("  ", 2)[-1] for line in said.partition("prompt ")[2].splitlines()[:3]
    )
    assert now.strip().endswith(".|")
    assert now.replace(".|", "|").split()[-1] == log.split()[-1]
    assert marks.strip() == "^"


def test_a_grade_that_comes_out_otherwise_is_the_first_divergence(run_dir: Path, changed: Change):
    copy = changed("agents/tasks/chain.py", "min(wrong, steps) / steps", "wrong / (steps + 1)")
    code, said = simctl("verify", run_dir, "--only", "agents", package_at=copy)
    assert code == 1, said
    assert ", environment, on event " in said
    assert "parts.progress" in said


def test_a_trainer_that_learns_faster_is_the_first_divergence(run_dir: Path, changed: Change):
    old = "return self._settings.learning_rate * min("
    copy = changed("trainer/learner.py", old, old.replace("* min", "* 1.01 * min"))
    code, said = simctl("verify", run_dir, "--only", "trainer", package_at=copy)
    assert code == 1, said
    assert f"First divergence: event {seq_of(run_dir, 'policy_updated')}, round 1, trainer" in said
    assert "sha256" in said
    assert "metrics.learning_rate" in said


def test_a_trainer_can_be_verified_alone(run_dir: Path):
    code, said = simctl("verify", run_dir, "--only", "trainer")
    assert code == 0, said
    assert "2 versions rebuilt" in said


def test_rewards_given_again_by_the_same_rule_teach_the_same(tmp_path: Path, run_dir: Path):
    copy = tmp_path / "copy"
    shutil.copytree(run_dir, copy)
    assert simctl("rescore", copy, "--verifier", "correct")[0] == 0
    code, said = simctl("train", "--from", copy, "--rewards", "correct")
    assert (code, "2 versions, 2 with the weights" in said) == (0, True), said
    code, said = simctl("verify", copy, "--only", "agents")
    assert (code, "answer_rescored" in said) == (0, True), said


def test_a_fork_by_another_recipe_is_verified_from_where_it_left(tmp_path: Path, run_dir: Path):
    other = ["--set", "trainer.learning_rate=1e-3", "--set", "episode.num_generations=3"]
    assert simctl("fork", run_dir, "--round", "1", *other, "--run-dir", tmp_path / "fork")[0] == 0
    code, said = simctl("verify", tmp_path / "fork")
    assert code == 0, said
    assert "1 version rebuilt" in said
    assert "where it left another run by another recipe" in said
