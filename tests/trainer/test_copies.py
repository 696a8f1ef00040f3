"""Copies of the weights: each learns from its own roles, and all of them survive a kill."""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from simctl.bus.event import Draft, Event
from simctl.bus.messages import PolicyUpdated
from simctl.bus.values import canonical
from simctl.store.log import EventLog
from simctl.store.memory_log import ListLog
from simctl.store.policies import WEIGHTS, PolicyStore, copies, hash_file
from simctl.trainer.learner import Learner
from simctl.trainer.learners import Learners
from simctl.trainer.retrain import retrain
from simctl.trainer.sample import Divergence, Sample
from simctl.trainer.settings import Training
from simctl.trainer.trainer import Trainer

Story = Any  # conftest makes it
SampleOf = Callable[..., Sample]
Weights = dict[str, torch.Tensor]


class KilledError(Exception):
    """The process is no more."""


def apart(training: Training, *roles: str) -> Training:
    return Training.model_validate(
        training.model_dump()
        | {"trainer": training.trainer.model_dump() | {"separate": list(roles)}}
    )


@pytest.fixture
def two(training: Training) -> Training:
    """The examiner and the guide, whom nothing trains, have weights of their own."""
    return apart(training, "examiner", "guide")


def train(story: Story, training: Training, policies: PolicyStore) -> list[PolicyUpdated]:
    def publish(drafts: Sequence[Draft]) -> list[Event]:
        return asyncio.run(story.log.append(drafts))

    trainer = Trainer(training, policies, publish)
    trainer.announce()
    return list(trainer.hear(story.events))


def weights(policy: Path) -> Weights:
    return load_file(policy / WEIGHTS)


def same(one: Weights, other: Weights) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def of_roles(samples: Sequence[Sample], *roles: str) -> list[Sample]:
    return [each for each in samples if each.role in roles]


def some(sample_of: SampleOf) -> list[Sample]:
    """Samples of two roles, of which a part has a teacher."""
    told = [((2, 3), (4, 5, 1)), ((6,), (7, 1)), ((8, 9), (3, 1)), ((2,), (9, 9, 1))]
    plain = [sample_of(*each, role=role) for each in told for role in ("solver", "examiner")]
    return [*plain, *(sample_of(*each, Divergence(), teacher_prompt=(2, 9)) for each in told)]


def test_a_sample_moves_the_weights_of_its_role_and_no_others(
    base: Path, two: Training, sample_of: SampleOf, tmp_path: Path
) -> None:
    learners = Learners(base, base, two)
    learners.learn([sample_of((2, 3), (4, 1), role="examiner")], 1)
    learners.save(tmp_path)
    copied = copies(tmp_path)
    assert not same(weights(copied["examiner"]), weights(base))
    assert same(weights(copied["guide"]), weights(base))
    assert same(weights(tmp_path), weights(base))


def test_each_learns_as_it_would_alone(
    base: Path, two: Training, sample_of: SampleOf, tmp_path: Path
) -> None:
    samples = some(sample_of)
    learners = Learners(base, base, two)
    shared, own = Learner(base, base, two), Learner(base, base, two, "examiner")
    for version in (1, 2):
        learners.learn(samples, version)
        shared.learn(of_roles(samples, "solver"), version)
        own.learn(of_roles(samples, "examiner"), version)
    learners.save(tmp_path)
    for learner, policy in ((shared, tmp_path), (own, copies(tmp_path)["examiner"])):
        found = weights(policy)
        known = learner.model.state_dict()
        assert all(torch.equal(each, known[name]) for name, each in found.items())


def test_without_copies_a_version_and_what_is_said_of_it_are_as_ever(
    story: Story, training: Training, policies: PolicyStore
) -> None:
    story.play()
    [update] = train(story, training, policies)
    assert update.sha256 == hash_file(policies.path(1) / WEIGHTS)
    assert not (policies.path(1) / "copies").exists()
    said = next(event for event in story.events if event.kind == "policy_updated")
    assert "copies" not in said.payload
    assert PolicyUpdated.model_validate_json(said.payload) == update


def test_an_update_has_the_metrics_and_the_probes_of_each_copy_by_its_role(
    story: Story, two: Training, policies: PolicyStore
) -> None:
    story.play()
    [update] = train(story, two, policies)
    names = {"loss", "grad_norm", "examiner/loss", "examiner/grad_norm", "entropy/examiner"}
    assert names <= set(update.metrics)
    assert "guide/loss" not in update.metrics  # nothing trained it
    assert {role: len(each) for role, each in update.copies.items()} == {"examiner": 2, "guide": 0}
    assert len(update.probes) == 4
    assert PolicyUpdated.model_validate_json(canonical(update)) == update


def test_an_objective_of_other_roles_gives_a_copy_no_teacher(base: Path) -> None:
    told = {"objective": [{"kind": "divergence", "roles": ["solver"]}]}
    learners = Learners(base, base, apart(Training.model_validate(told), "examiner"))
    assert learners._shared._teacher is not None  # noqa: SLF001 - memory cannot be seen else
    assert learners._own["examiner"]._teacher is None  # noqa: SLF001


def test_what_stays_as_the_run_began_is_held_once(base: Path, two: Training) -> None:
    frozen = Training.model_validate(two.model_dump() | {"teacher": {"sync": "frozen"}})
    learners = Learners(base, base, frozen)
    anchors = {id(each.anchor) for each in (learners._shared, *learners._own.values())}  # noqa: SLF001 - memory cannot be seen else
    assert len(anchors) == 1


@pytest.fixture
def straight(
    story_in: Callable[[EventLog], Story], two: Training, base: Path, tmp_path: Path
) -> list[str]:
    """The hashes when nothing ever breaks."""
    story, policies = story_in(ListLog()), PolicyStore(tmp_path / "straight")
    policies.adopt(base)
    story.play(3)
    return [update.sha256 for update in train(story, two, policies)]


def test_resuming_between_rounds_equals_a_straight_run(
    story: Story, two: Training, policies: PolicyStore, straight: list[str]
) -> None:
    found = []
    for _ in range(3):
        story.play()
        found += [update.sha256 for update in train(story, two, policies)]
    assert found == straight


# of a version, the shared weights are saved first, then the examiner's, then the guide's
@pytest.mark.parametrize("nth", [4, 5, 6])
def test_a_kill_between_two_copies_is_repeated_to_the_same_end(
    story: Story, two: Training, policies: PolicyStore, straight: list[str], nth: int
) -> None:
    story.play(3)
    real, calls = Learner.save, itertools.count(1)

    def save(self: Learner, path: Path) -> None:
        real(self, path)
        if next(calls) == nth:
            raise KilledError

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Learner, "save", save)
        with pytest.raises(KilledError):
            train(story, two, policies)
    assert policies.latest() == 1
    train(story, two, policies)
    assert [policies.sha256(version) for version in (1, 2, 3)] == straight


def test_weights_that_part_later_begin_as_the_shared_ones_are(
    story: Story, training: Training, two: Training, policies: PolicyStore
) -> None:
    story.play()
    train(story, training, policies)
    before = weights(policies.path(1))
    learners = Learners(policies.path(1), policies.path(0), two)
    learners.restore(policies.path(1))
    learners.save(policies.root / "parted")
    parted = policies.root / "parted"
    assert all(same(weights(each), before) for each in (parted, *copies(parted).values()))
    steps = [torch.load(each / "optimizer.pt")["steps"] for each in copies(parted).values()]
    assert set(steps) == {torch.load(policies.path(1) / "optimizer.pt")["steps"]}


def test_weights_that_are_shared_again_go_on_as_the_shared_ones_were(
    story: Story, training: Training, two: Training, policies: PolicyStore, tmp_path: Path
) -> None:
    story.play(2)
    train(story, two, policies)
    again = PolicyStore(tmp_path / "again")
    again.adopt(policies.path(0))
    again.bring(policies, 1)
    [update] = retrain(story.events, training, policies.path(0), again.root)
    assert update.copies == {}
    assert update.sha256 == hash_file(again.path(2) / WEIGHTS)
