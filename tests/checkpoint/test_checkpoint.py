"""Checkpoints: what is in the directory, and what the readers of others make of it."""

import json
from pathlib import Path
from typing import Any

import measured
import pytest
from huggingface_hub import ModelCard
from huggingface_hub.repocard_data import ModelCardData

from simctl.agents.policy.embedded import SHA256
from simctl.cli.checkpoint.card import base_model
from simctl.cli.checkpoint.layout import Checkpoint, CheckpointError, Wanted, lay_out
from simctl.cli.errors import RunError
from simctl.cli.recipe import dump, load
from simctl.store.access import open_log
from simctl.store.errors import StoreError
from simctl.store.policies import hash_file


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return measured.write(tmp_path_factory.mktemp("runs") / "told-001")


@pytest.fixture(scope="module")
def made(path: Path) -> list[Checkpoint]:
    """A checkpoint of every version."""
    return lay_out(path, Wanted(every=True), path.parent / "out")


@pytest.fixture(scope="module")
def state(made: list[Checkpoint]) -> dict[str, Any]:
    text = (made[2].path / "trainer_state.json").read_text()
    found: dict[str, Any] = json.loads(text)
    return found


def test_every_version_is_a_checkpoint_of_its_step(path: Path, made: list[Checkpoint]):
    names = sorted(each.name for each in (path.parent / "out").iterdir())
    assert names == ["checkpoint-0", "checkpoint-1", "checkpoint-2", "checkpoint-3"]
    assert [each.version for each in made] == [0, 1, 2, 3]


def test_it_holds_what_transformers_looks_for_and_nothing_of_the_trainers(made: list[Checkpoint]):
    assert sorted(each.name for each in made[2].path.iterdir()) == [
        "README.md",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "recipe.toml",
        "tokenizer.json",
        "tokenizer_config.json",
        "trainer_state.json",
    ]


def test_the_weights_are_those_of_the_log(made: list[Checkpoint]):
    assert {hash_file(each.path / "model.safetensors") for each in made} == {SHA256}
    assert {each.sha256 for each in made} == {SHA256}


def test_the_history_has_the_names_of_trl(state: dict[str, Any]):
    assert (state["global_step"], state["max_steps"], state["epoch"]) == (2, 3, 2 / 3)
    losses = [(each["step"], each["loss"]) for each in state["log_history"] if "loss" in each]
    assert losses == [(1, 0.5), (2, 0.5)]
    rewards = [each["reward"] for each in state["log_history"] if "reward" in each]
    assert rewards == [0.25, 0.25]
    scores = [
        (each["step"], each["eval_targets_greedy"])
        for each in state["log_history"]
        if "eval_targets_greedy" in each
    ]
    assert scores == [(0, 0.0), (1, 0.3), (2, 0.6)]


def test_the_state_says_which_weights_and_what_they_learnt_from(path: Path, state: dict[str, Any]):
    ours = state["stateful_callbacks"]["simctl"]["attributes"]
    assert (ours["sha256"], ours["weight_version"]) == (SHA256, 2)
    with open_log(path) as log:
        [event] = log.read(ours["event_offset"] - 1, ours["event_offset"])
    assert (event.kind, event.round) == ("round_ended", 2)


def test_the_card_is_one_for_the_hub(made: list[Checkpoint]):
    data = ModelCard.load(made[2].path / "README.md").data
    assert isinstance(data, ModelCardData)
    told = data.to_dict()
    assert (told["library_name"], told["pipeline_tag"]) == ("transformers", "text-generation")
    assert data.model_name == "told-001"
    results = {(r.dataset_name, r.metric_name): r.metric_value for r in data.eval_results or ()}
    assert results == {
        ("targets", "greedy"): 0.6,
        ("targets", "sampled"): 0.3,
        ("beyond-12", "greedy"): 0.2,
        ("beyond-12", "sampled"): 0.1,
    }


def test_the_card_names_the_hashes_of_weights_and_log(path: Path, made: list[Checkpoint]):
    text = (made[2].path / "README.md").read_text()
    with open_log(path) as log:
        hashes = {event.seq: event.hash for event in log.read()}
    learnt = measured.END[2]
    assert f"events 1 to {learnt}, whose hash is `{hashes[learnt]}`" in text
    assert hashes[max(hashes)] in text
    assert text.count(SHA256) == 2


def test_the_recipe_beside_it_is_the_runs(made: list[Checkpoint]):
    recipe = load(str(made[2].path / "recipe.toml"))
    assert dump(recipe) == dump(load("society", ["run.rounds=3"]))


def test_without_more_words_the_last_version_is_laid_out(path: Path, tmp_path: Path):
    [made] = lay_out(path, out=tmp_path)
    assert (made.path, made.version) == (tmp_path / "checkpoint-3", 3)


def test_one_that_is_there_stays(path: Path, tmp_path: Path):
    [first] = lay_out(path, Wanted(steps=(1,)), tmp_path)
    before = (first.path / "README.md").stat().st_mtime_ns
    [again] = lay_out(path, Wanted(steps=(1,)), tmp_path)
    assert (first.made, again.made) == (True, False)
    assert (again.path / "README.md").stat().st_mtime_ns == before


def test_nothing_of_others_is_overwritten(path: Path, tmp_path: Path):
    (tmp_path / "checkpoint-1").mkdir()
    with pytest.raises(CheckpointError, match="has other weights: name another --out"):
        lay_out(path, Wanted(steps=(1,)), tmp_path)


def test_a_version_that_is_not_there_is_told(path: Path, tmp_path: Path):
    with pytest.raises(RunError, match="no policy version 9; it has 4, from 0 to 3"):
        lay_out(path, Wanted(steps=(9,)), tmp_path)


def test_links_take_no_room(path: Path, tmp_path: Path):
    [made] = lay_out(path, Wanted(link=True), tmp_path)
    weights = path / "policies/v000003/model.safetensors"
    assert (made.path / "model.safetensors").samefile(weights)
    assert not (made.path / "trainer_state.json").samefile(weights.with_name("trainer_state.json"))


def test_weights_that_changed_are_not_shared(tmp_path: Path):
    run_dir = measured.write(tmp_path / "told")
    weights = run_dir / "policies/v000003/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(StoreError, match="changed after it was committed"):
        lay_out(run_dir, out=tmp_path / "out")
    assert not (tmp_path / "out/checkpoint-3").exists()


@pytest.mark.parametrize(
    ("where", "name"),
    [
        ("cache/hub/models--Qwen--Qwen3-0.6B/snapshots/abc", "Qwen/Qwen3-0.6B"),
        ("Qwen/Qwen3-0.6B", "Qwen/Qwen3-0.6B"),
        ("mine/model", ""),
        ("embedded", ""),
    ],
)
def test_the_base_model_is_named_where_the_hub_has_it(where: str, name: str, tmp_path: Path):
    repository = tmp_path / "models--Qwen--Qwen3-0.6B"
    for file in ("refs/main", "snapshots/abc/config.json"):
        (repository / file).parent.mkdir(parents=True)
        (repository / file).write_text("abc")
    assert base_model(load("society", [f"policy.path={where}"]), tmp_path) == name
