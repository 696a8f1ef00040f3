"""Where weights learn: told before a run begins where that cannot be, and the same on a GPU."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from live import simctl
from pydantic import ValidationError

from simctl.trainer.learner import Learner, load
from simctl.trainer.losses.answers import answer_logits
from simctl.trainer.place import PlaceMissingError, computing, device_of, need
from simctl.trainer.sample import Divergence, PolicyGradient, Preference, Sample
from simctl.trainer.settings import TrainerSettings, Training

SampleOf = Callable[..., Sample]
GPU = torch.cuda.is_available()


@pytest.mark.skipif(GPU, reason="there is a GPU")
def test_a_device_that_is_absent_is_told_before_a_run_begins(tmp_path: Path) -> None:
    told = simctl("run", "grpo", "--set", "trainer.device=cuda", "--run-dir", tmp_path / "run")
    assert told.returncode == 1
    assert "trainer.device is cuda" in " ".join(told.stderr.split())
    assert not (tmp_path / "run").exists()


def test_more_processes_than_gpus_are_told() -> None:
    many = TrainerSettings(device="cuda", processes=torch.cuda.device_count() + 2)
    with pytest.raises(PlaceMissingError, match=r"trainer\.(device|processes) is"):
        need(many)


@pytest.mark.parametrize(
    "told", [{"device": "mps", "processes": 2}, {"torchrun": ("--nproc-per-node=2",)}]
)
def test_processes_that_cannot_be_are_refused(told: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="process"):
        TrainerSettings.model_validate(told)


def test_a_small_policy_learns_on_the_cpu(base: Path) -> None:
    assert device_of("auto", load(base)) == "cpu"


def test_what_is_made_anew_is_where_the_weights_are(base: Path) -> None:
    model = load(base).to("meta")  # a place that is neither the CPU nor a GPU
    with computing(model):
        logits = answer_logits(model, [((2, 3), (4, 1)), ((5,), (6, 7, 1))])
    assert logits.device.type == "meta"
    assert logits.shape == (5, 32)


@pytest.mark.gpu
@pytest.mark.skipif(not GPU, reason="there is no GPU")
def test_an_update_on_a_gpu_is_that_on_the_cpu(base: Path, sample_of: SampleOf) -> None:
    samples = [
        sample_of((2, 3, 4), (5, 6, 1), PolicyGradient(importance_sampling_cap=2.0)),
        sample_of((3, 4), (11, 12, 1), Divergence(), teacher_prompt=(3, 20, 4)),
        sample_of((4,), (9, 1, 2), Preference(beta=1.0), rejected=(1,)),
        sample_of((6, 5), (8, 1)),
    ]
    found = []
    for device in ("cpu", "cuda"):
        told = {"device": device, "minibatch_size": 2, "num_iterations": 2}
        training = Training.model_validate({"objective": [{"kind": "divergence"}], "trainer": told})
        learner = Learner(base, base, training)
        learner.learn(samples, 1)
        found.append(torch.cat([p.detach().cpu().flatten() for p in learner.model.parameters()]))
    assert (found[0] - found[1]).abs().max() < 1e-4
