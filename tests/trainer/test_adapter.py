"""Adapters: only they learn, and what is on disk is whole weights with the adapter beside them."""

import asyncio
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from pydantic import ValidationError
from safetensors.torch import load_file

from simctl.bus.event import Draft, Event
from simctl.bus.messages import PolicyUpdated
from simctl.store.log import EventLog
from simctl.store.memory_log import ListLog
from simctl.store.policies import ADAPTER_FILES, WEIGHTS, PolicyStore, copies
from simctl.trainer import checkpoint
from simctl.trainer.adapter import AdapterDiffersError
from simctl.trainer.learner import AdapterMissingError, Learner, load
from simctl.trainer.losses.answers import answer_logits
from simctl.trainer.sample import Divergence, Sample
from simctl.trainer.settings import Training
from simctl.trainer.trainer import Trainer

Story = Any  # conftest makes it
SampleOf = Callable[..., Sample]
ROWS = [((2, 3, 4), (5, 6, 1)), ((7,), (8, 9, 10, 1))]
RATE = {"learning_rate": 1e-2, "minibatch_size": 2}


def adapted(training: Training, **trainer: object) -> Training:
    told = training.trainer.model_dump() | {"lora": {"r": 4, "lora_alpha": 8}} | trainer
    return Training.model_validate(training.model_dump() | {"trainer": told})


def settings(**tables: object) -> Training:
    told = {"objective": [{"kind": "divergence"}], "trainer": RATE} | tables
    return adapted(Training.model_validate(told))


def lessons(sample_of: SampleOf) -> list[Sample]:
    told = [((2, 3), (4, 5, 1)), ((6,), (7, 1)), ((8, 9), (3, 1))]
    taught = [sample_of(*each, Divergence(), teacher_prompt=(2, 9, 3)) for each in told]
    return [*taught, *(sample_of(*each) for each in told)]


def learnt(base: Path, sample_of: SampleOf, **tables: object) -> Learner:
    subject = Learner(base, base, settings(**tables))
    subject.learn(lessons(sample_of), 1)
    return subject


@torch.no_grad()
def logprobs(model: torch.nn.Module) -> torch.Tensor:
    return answer_logits(model, ROWS).log_softmax(-1)


def train(story: Story, training: Training, policies: PolicyStore) -> list[PolicyUpdated]:
    def publish(drafts: Sequence[Draft]) -> list[Event]:
        return asyncio.run(story.log.append(drafts))

    return list(Trainer(training, policies, publish).hear(story.events))


def test_the_weights_on_disk_give_the_logprobs_of_the_model_with_its_adapter(
    base: Path, sample_of: SampleOf, tmp_path: Path
) -> None:
    subject = learnt(base, sample_of)
    subject.save(tmp_path)
    assert (logprobs(load(base)) - logprobs(subject.model)).abs().max() > 0.1
    assert torch.allclose(logprobs(load(tmp_path)), logprobs(subject.model), rtol=0, atol=1e-5)


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")  # peft asks it
def test_the_adapter_on_disk_is_one_that_peft_lays_beside_the_base(
    base: Path, sample_of: SampleOf, tmp_path: Path
) -> None:
    subject = learnt(base, sample_of)
    subject.save(tmp_path)
    model: Any = load(base)
    published = PeftModel.from_pretrained(model, tmp_path / "adapter")
    assert torch.equal(logprobs(published), logprobs(subject.model))


def test_nothing_but_the_adapter_learns(base: Path, sample_of: SampleOf) -> None:
    subject = learnt(base, sample_of)
    before = load(base).state_dict()
    after = subject.model.state_dict()
    kept = {name: after[name] for name in after if "lora_" not in name}
    assert len(kept) == len(before)
    assert all(map(torch.equal, kept.values(), before.values()))


def test_a_fresh_adapter_changes_nothing_and_is_the_same_every_time(base: Path) -> None:
    one, other = (Learner(base, base, settings()).model for _ in range(2))
    assert torch.equal(logprobs(one), logprobs(load(base)))
    assert all(map(torch.equal, one.parameters(), other.parameters()))
    apart = Learner(base, base, settings(seed=1)).model
    assert not all(map(torch.equal, one.parameters(), apart.parameters()))


def test_the_base_is_the_model_without_its_adapter(base: Path, sample_of: SampleOf) -> None:
    subject = learnt(base, sample_of, teacher={"sync": "frozen"})
    assert torch.equal(logprobs(subject.anchor), logprobs(load(base)))
    assert not list(subject.anchor.parameters())  # it is held in no memory of its own
    before = logprobs(subject.model)
    subject.learn(lessons(sample_of), 2)
    assert not torch.equal(logprobs(subject.model), before)


def test_a_moving_average_is_of_weights_that_have_the_adapter_in_them(
    base: Path, sample_of: SampleOf, tmp_path: Path
) -> None:
    average = {"sync": "ema", "decay": 0.75, "unit": "round"}
    subject = learnt(base, sample_of, teacher=average)
    subject.save(tmp_path)
    assert subject._teacher is not None  # noqa: SLF001 - its weights cannot be seen else
    found = subject._teacher.model.state_dict()  # noqa: SLF001
    first, now = load(base).state_dict(), load(tmp_path).state_dict()
    for name, weight in found.items():
        assert torch.allclose(weight, 0.75 * first[name] + 0.25 * now[name], atol=1e-7)


@pytest.mark.parametrize("sync", ["frozen", "ema", "snapshot", "live"])
def test_a_resumed_learner_goes_on_from_the_adapter(
    base: Path, tmp_path: Path, sample_of: SampleOf, sync: str
) -> None:
    whole = learnt(base, sample_of, teacher={"sync": sync})
    whole.save(tmp_path)
    resumed = Learner(tmp_path, base, settings(teacher={"sync": sync}))
    resumed.restore(tmp_path)
    for each in (whole, resumed):
        each.learn(lessons(sample_of), 2)
    assert all(map(torch.equal, whole.model.parameters(), resumed.model.parameters()))


def test_resuming_between_rounds_equals_a_straight_run_with_copies_too(  # noqa: PLR0913, PLR0917 - two runs
    story: Story,
    story_in: Callable[[EventLog], Story],
    training: Training,
    policies: PolicyStore,
    base: Path,
    tmp_path: Path,
) -> None:
    two = adapted(training, separate=["examiner"])
    whole, straight = story_in(ListLog()), PolicyStore(tmp_path / "straight")
    straight.adopt(base)
    whole.play(3)
    expected = [update.sha256 for update in train(whole, two, straight)]
    found: list[str] = []
    for _ in range(3):
        story.play()
        found += [update.sha256 for update in train(story, two, policies)]
    assert found == expected
    assert len(set(found)) == 3
    shared, own = (
        load_file(at / WEIGHTS) for at in (policies.path(3), *copies(policies.path(3)).values())
    )
    assert not all(torch.equal(shared[name], own[name]) for name in shared)


@pytest.mark.parametrize(
    "lost", ["optimizer.pt", "adapter_config.json", "adapter_model.safetensors"]
)
def test_a_version_without_a_part_of_its_adapter_cannot_be_gone_on_from(
    story: Story, training: Training, policies: PolicyStore, lost: str
) -> None:
    story.play()
    train(story, adapted(training), policies)
    assert checkpoint.is_resumable(policies, 1)
    (policies.path(1) / "adapter" / lost).unlink()
    assert not checkpoint.is_resumable(policies, 1)
    shutil.rmtree(policies.path(1) / "adapter")
    assert not checkpoint.is_resumable(policies, 1)


def test_an_adapter_is_served_to_nobody_and_brought_to_whoever_learns_on(
    story: Story, training: Training, policies: PolicyStore, tmp_path: Path
) -> None:
    story.play(4)
    train(story, adapted(training), policies)
    assert not [name for name in policies.files(4) if name.startswith("adapter")]
    other = PolicyStore(tmp_path / "other")
    other.adopt(policies.path(4))
    other.bring(policies, 4)
    assert not (other.path(0) / "adapter").exists()
    assert checkpoint.is_resumable(other, 4)
    dropped = policies.path(2) / "adapter"  # only the optimiser's state: an adapter is small
    assert sorted(file.name for file in dropped.iterdir()) == sorted(ADAPTER_FILES)
    policies.equip(2, policies.path(4))
    assert (dropped / "optimizer.pt").exists()


def test_an_adapter_of_another_size_or_scale_is_refused(
    base: Path, sample_of: SampleOf, tmp_path: Path
) -> None:
    learnt(base, sample_of).save(tmp_path)
    for lora in ({"r": 2, "lora_alpha": 8}, {"r": 4, "lora_alpha": 4}):
        with pytest.raises(AdapterDiffersError, match="r 4 and lora_alpha 8"):
            Learner(tmp_path, base, adapted(settings(), lora=lora))


def test_weights_go_on_only_in_the_way_in_which_they_were_learnt(
    base: Path, sample_of: SampleOf, tmp_path: Path
) -> None:
    learnt(base, sample_of).save(tmp_path / "adapted")
    Learner(base, base, Training()).save(tmp_path / "plain")
    with pytest.raises(AdapterMissingError, match="learnt with an adapter"):
        Learner(tmp_path / "adapted", base, Training())
    with pytest.raises(AdapterMissingError, match="learnt without an adapter"):
        Learner(tmp_path / "plain", base, settings())


def test_only_the_layers_that_are_named_get_adapters(base: Path, tmp_path: Path) -> None:
    named = {"r": 2, "target_modules": ["q_proj", "v_proj"]}
    Learner(base, base, adapted(settings(), lora=named)).save(tmp_path)
    layers = {
        name.split(".")[-3] for name in load_file(tmp_path / "adapter/adapter_model.safetensors")
    }
    assert layers == {"q_proj", "v_proj"}
    told = json.loads((tmp_path / "adapter/adapter_config.json").read_text())
    assert (told["task_type"], told["r"]) == ("CAUSAL_LM", 2)


def test_a_promotion_of_whole_weights_is_refused(training: Training) -> None:
    with pytest.raises(ValidationError, match="only adapters learn"):
        Training.model_validate(adapted(training).model_dump() | {"promotion": {}})
