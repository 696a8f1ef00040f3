"""A run whose engine is vLLM: its versions serve once they are proved."""

import os
from contextlib import closing
from pathlib import Path

import pytest
from family import descendants, title
from live import ask, simctl
from vllm_real import REAL, needs_vllm
from vllm_server import policy

from simctl.agents.policy.vllm.child import Child
from simctl.agents.policy.vllm.launch import MODEL, Launch

pytestmark = needs_vllm
SETS = [
    "run.rounds=2", "run.episodes=4", "episode.num_generations=4",
    'suite=[{name = "targets", difficulty = 2, problems = 4, max_completion_length = 32}]',
    "episode.sampling.max_completion_length=32",
    f"sampler.command={' '.join(REAL)}",
]  # fmt: skip
SYNCED = "SELECT ok, how FROM policy_synced ORDER BY seq"
WEIGHTS = "SELECT sha256 FROM policy_updated"
LEARNS = "opsd"  # also where no answer is ever right, as with random weights
PLAYED = "SELECT DISTINCT policy_version FROM attempt_made"


@pytest.fixture(scope="module")
def tied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return policy(tmp_path_factory.mktemp("policy"))


def play(run_dir: Path, recipe: str, path: Path, *sets: str) -> str:
    """Play a recipe with vLLM as its engine, and return what was printed."""
    words = [word for each in (*SETS, *sets) for word in ("--set", each)]
    said = simctl("run", recipe, "--policy", path, "--engine", "vllm", "--run-dir", run_dir, *words)
    assert said.returncode == 0, said.stdout + said.stderr
    if recipe == LEARNS:
        assert len({row["sha256"] for row in ask(run_dir, WEIGHTS)}) == 2
    return said.stdout


def servers() -> set[int]:
    return {pid for pid in descendants(os.getpid()) if "VLLM" in title(pid)}


@pytest.mark.parametrize("recipe", [LEARNS, "society"])
def test_each_version_serves_at_a_server_of_the_runs_own(recipe: str, tied: Path, tmp_path: Path):
    before = servers()  # of other tests
    play(tmp_path / "run", recipe, tied)
    assert ask(tmp_path / "run", SYNCED) == [{"ok": True, "how": "reload"}] * 2
    assert servers() == before


def test_with_adapters_each_version_serves_as_an_adapter(tied: Path, tmp_path: Path):
    play(tmp_path / "run", LEARNS, tied, "trainer.lora.r=4")
    assert ask(tmp_path / "run", SYNCED) == [{"ok": True, "how": "adapter"}] * 2


def test_a_found_server_whose_reload_lies_serves_the_first_version_on(tied: Path, tmp_path: Path):
    """Vllm on a CPU keeps the last layer of what it was begun with."""
    with closing(Child(Launch(REAL, dict(os.environ), device="cpu"), tmp_path, print)) as server:
        server.begin(tied)
        found = [f"sampler.url={server.url}", f"sampler.model={MODEL}", "sampler.dtype=float32"]
        play(tmp_path / "run", LEARNS, tied, *found)
    assert [row["ok"] for row in ask(tmp_path / "run", SYNCED)] == [False] * 2
    assert ask(tmp_path / "run", PLAYED) == [{"policy_version": 0}]
