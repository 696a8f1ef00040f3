"""A run whose vLLM server says that it reloaded, and serves neither the old nor the new weights."""

import sys
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import vllm_routes
from live import SMALL, ask, assert_whole, simctl
from served import served
from vllm_routes import Held, Routes, as_told, lying

from simctl.agents.policy.embedded import PATH
from simctl.bus.quiescence import Quiescence
from simctl.cli import vllm
from simctl.cli.policies import PolicyError
from simctl.cli.recipe import load

FIRST = "v000000"
SYNCED = "SELECT version, ok, reason, how FROM policy_synced ORDER BY seq"
PLAYED = "SELECT DISTINCT policy_version FROM attempt_made WHERE round = 2"


def at(url: str) -> list[str]:
    """Return what has a run sample at a server."""
    return [f"sampler.url={url}", "sampler.model=policy", "sampler.dtype=float32"]


def play(run_dir: Path, sets: Sequence[str]) -> CompletedProcess[str]:
    words = [word for each in (*SMALL, *sets) for word in ("--set", each)]
    return simctl("run", "grpo", "--run-dir", run_dir, "--engine", "vllm", *words)


@dataclass(frozen=True)
class Story:
    """A run: version 1 comes wrong, after version 2 nothing comes right, then it begins again."""

    run_dir: Path
    stopped: CompletedProcess[str]
    resumed: CompletedProcess[str]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Generator[Story]:
    run_dir = tmp_path_factory.mktemp("lying") / "run"
    asked = list[str]()

    def worse_and_worse(held: Held, path: Path) -> None:
        asked.append(path.name)
        fine = path.name == FIRST and "v000002" not in asked
        (as_told if fine else lying)(held, path)

    routes = Routes(PATH, worse_and_worse)
    with served(routes.application()) as url:
        stopped = play(run_dir, at(url))
        routes.reload = as_told
        yield Story(run_dir, stopped, simctl("run", "--resume", run_dir))


@pytest.mark.slow
def test_a_version_that_came_wrong_is_refused_with_the_reason(story: Story):
    first, *_ = ask(story.run_dir, SYNCED)
    assert not first["ok"]
    assert "differ from the trainer's by" in str(first["reason"])


@pytest.mark.slow
def test_the_version_before_plays_on(story: Story):
    assert ask(story.run_dir, PLAYED) == [{"policy_version": 0}]


@pytest.mark.slow
def test_a_run_that_cannot_have_its_version_back_stops_and_says_what_to_do(story: Story):
    assert story.stopped.returncode == 1
    assert "was to serve version 0 again" in story.stopped.stderr
    assert "start the server again, and go on with --resume" in story.stopped.stderr


@pytest.mark.slow
def test_once_the_server_has_begun_again_nothing_is_lost(story: Story):
    assert story.resumed.returncode == 0, story.resumed.stderr
    assert_whole(story.run_dir)
    assert [row["ok"] for row in ask(story.run_dir, SYNCED)] == [False, True, True]


@pytest.mark.slow
def test_a_server_of_the_runs_own_begins_anew(tmp_path: Path):
    command = f"{sys.executable} {vllm_routes.__file__} --lies"
    said = play(tmp_path / "run", ["run.rounds=1", f"sampler.command={command}"])
    assert said.returncode == 0, said.stderr
    [synced] = ask(tmp_path / "run", SYNCED)
    assert synced["ok"]
    assert str(synced["how"]).startswith("reload (log-probabilities differ")
    assert str(synced["how"]).endswith("), restart")


def test_a_run_does_not_begin_with_what_the_server_has_in_the_place_of_its_policy():
    with served(Routes(PATH, lying).application()) as url:
        recipe = load("grpo", ["sampler.engine=vllm", *at(url)])
        with pytest.raises(PolicyError, match=r"says that it loaded .*: start the server again"):
            vllm.sampler(recipe, PATH, 0, Quiescence(), vllm.Place())
