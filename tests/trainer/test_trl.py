"""TRL's GRPO and ours: one logged batch must give one gradient."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from simctl.trainer.batch import build
from simctl.trainer.learner import Learner, load
from simctl.trainer.metrics import Meter
from simctl.trainer.objectives import Grpo
from simctl.trainer.sample import Divergence, Sample
from simctl.trainer.settings import Training
from simctl.trainer.trajectory import Trajectory, groups, trajectories

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # those of TRL are its own
Story = Any  # conftest makes it
SPECIAL = {"pad_token": "w0", "eos_token": "w1"}


def tell(story: Story) -> list[Trajectory]:
    """Tell of two groups of four, with answers of different lengths."""
    for at in range(2):
        task = story.task()
        for k, reward in enumerate((1.0, 0.0, 0.25 * at, 0.0)):
            story.attempt(task, task, (8 + k, 9 + at, 10 + k, 11, 1)[2 - at - k % 2 :], reward)
    story.end()
    return trajectories(story.events)


def theirs(
    policy: Path, base: Path, told: Sequence[Trajectory], **settings: object
) -> tuple[Tensor, dict[str, Any]]:
    """Return the gradient of TRL's trainer, which is told what was sampled, and its inputs."""
    from datasets import Dataset  # noqa: PLC0415 - slow, and it warns
    from trl import GRPOConfig, GRPOTrainer  # noqa: PLC0415

    def rollout(prompts: list[str], _: object) -> dict[str, Any]:
        assert len(prompts) == len(told)
        return {
            "prompt_ids": [list(each.prompt) for each in told],
            "completion_ids": [list(each.tokens) for each in told],
            "logprobs": [list(each.logprobs) for each in told],
        }

    def rewards(completions: list[str], **_: object) -> list[float | None]:
        assert len(completions) == len(told)
        return [each.reward for each in told]

    words = Tokenizer(models.WordLevel({f"w{at}": at for at in range(32)}, "w2"))
    trainer = GRPOTrainer(
        model=str(policy),
        reward_funcs=rewards,
        rollout_func=rollout,
        processing_class=PreTrainedTokenizerFast(tokenizer_object=words, **SPECIAL),
        train_dataset=Dataset.from_dict({"prompt": ["w3", "w4"]}),
        args=GRPOConfig(
            output_dir=str(policy),
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
            report_to=[],
            epsilon=0.2,
            num_generations=4,
            num_iterations=2,
            per_device_train_batch_size=len(told),
            gradient_accumulation_steps=1,
            max_completion_length=8,
            temperature=1.0,
            use_bias_correction_kl=True,
            **settings,
        ),
    )
    trainer.model.train()
    if settings["beta"]:
        # it takes the policy that it was given
        trainer.ref_model.load_state_dict(load(base).state_dict())
    trainer.current_gradient_accumulation_steps = 1
    examples = [{"prompt": f"w{3 + at // 4}"} for at in range(len(told))]
    inputs = trainer._generate_and_score_completions(examples)  # noqa: SLF001 - its own way in
    logged = torch.nn.utils.rnn.pad_sequence(
        [torch.tensor(each.logprobs) for each in told], batch_first=True
    )
    assert inputs["old_per_token_logps"].shape == logged.shape
    inputs["old_per_token_logps"] = logged
    trainer.compute_loss(trainer.model, inputs).backward()
    parts = [p.grad.flatten() for p in trainer.model.parameters() if p.grad is not None]
    return torch.cat(parts), inputs


@pytest.fixture
def moved(base: Path, tmp_path: Path) -> Path:
    """A policy that is no longer the base."""
    model: Any = load(base)
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.01)
    model.save_pretrained(tmp_path)
    return tmp_path


@pytest.mark.parametrize("loss_type", ["dapo", "grpo"])
@pytest.mark.parametrize("scaled", [("group", 0.0), ("none", 0.0), ("group", 0.5)])
def test_one_logged_batch_has_one_gradient(
    base: Path, moved: Path, story: Story, loss_type: str, scaled: tuple[str, float]
) -> None:
    told, (scale_rewards, beta) = tell(story), scaled
    shared = {"loss_type": loss_type, "scale_rewards": scale_rewards}
    objective = Grpo.model_validate({"roles": ["solver"]} | shared)
    samples = build(groups(told), [objective]).samples
    subject, meter = Learner(moved, base, Training(objective=(objective,))), Meter()
    subject.accumulate([*samples, *anchors(samples, beta, loss_type)], meter)
    ours = torch.cat([p.grad.flatten() for p in subject.model.parameters() if p.grad is not None])
    expected, inputs = theirs(moved, base, told, beta=beta, **shared)
    assert len(samples) == len(inputs["advantages"]) == 8
    assert meter.metrics()["clip_ratio/region_mean"] > 0
    assert float(expected.abs().max()) > 1e-2
    assert float((ours - expected).abs().max()) < 1e-6


def anchors(samples: Sequence[Sample], beta: float, loss_type: str) -> Iterator[Sample]:
    """Draw every answer to the base by `beta` times k3, token by token or answer by answer."""
    mean = fmean(len(sample.tokens) for sample in samples)
    for sample in samples if beta else ():
        share = mean / len(sample.tokens) if loss_type == "grpo" else 1.0
        yield sample.model_copy(
            update={
                "loss": Divergence(against="base", estimator="k3", ratio=True),
                "weights": (beta * share,) * len(sample.tokens),
            }
        )
