"""New weights for a model that is there: what transformers' loader gives, or nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from simctl.agents.policy.embedded import PATH
from simctl.agents.policy.transformers import load, renewed
from simctl.store.policies import WEIGHTS

Weights = dict[str, Tensor]


@pytest.fixture(scope="module")
def served() -> torch.nn.Module:
    return load(PATH, "cpu", "auto")


def kept(weights: Weights, place: Path) -> Path:
    save_file(weights, place / WEIGHTS)
    return place


def moved() -> Weights:
    """The embedded policy's weights, all of them a little further."""
    return {name: each + 0.25 for name, each in load_file(PATH / WEIGHTS).items()}


def test_they_are_what_the_loader_reads_and_the_model_that_serves_stays(
    served: torch.nn.Module, tmp_path: Path
):
    path = kept(moved(), tmp_path)
    (path / "config.json").write_bytes((PATH / "config.json").read_bytes())
    before = {name: each.clone() for name, each in served.state_dict().items()}
    fresh = renewed(served, path)
    assert fresh is not None
    read = load(path, "cpu", "auto").state_dict()
    assert all(torch.equal(each, read[name]) for name, each in fresh.state_dict().items())
    assert all(torch.equal(each, before[name]) for name, each in served.state_dict().items())


def without_norm(weights: Weights) -> Weights:
    return {name: each for name, each in weights.items() if name != "model.norm.weight"}


def with_another(weights: Weights) -> Weights:
    return weights | {"model.extra.weight": torch.zeros(2)}


def longer(weights: Weights) -> Weights:
    return weights | {"model.norm.weight": torch.zeros(1024)}


@pytest.mark.parametrize("change", [without_norm, with_another, longer])
def test_those_of_another_model_are_left_to_the_loader(
    served: torch.nn.Module, tmp_path: Path, change: Callable[[Weights], Weights]
):
    assert renewed(served, kept(change(moved()), tmp_path)) is None


def test_a_directory_without_them_is_left_to_the_loader(served: torch.nn.Module, tmp_path: Path):
    assert renewed(served, tmp_path) is None
