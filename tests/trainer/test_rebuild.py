"""A version whose optimiser state is gone is learnt again from the log, exactly."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import torch

from simctl.bus.event import Draft
from simctl.bus.messages import (
    RunForked,
    RunStarted,
)
from simctl.cli.recipe import Recipe, dump
from simctl.store.log import EventLog
from simctl.store.memory_log import ListLog
from simctl.store.policies import PolicyStore
from simctl.trainer import checkpoint
from simctl.trainer.rebuild import WeightsDifferError, make_resumable, rebuild
from simctl.trainer.retrain import announced
from simctl.trainer.settings import Training
from simctl.trainer.trainer import Trainer

ROUNDS = 4
Tell = Callable[[EventLog], Any]


def recipe(training: Training, **changes: object) -> str:
    fields = {name: getattr(training, name) for name in Training.model_fields}
    return dump(Recipe.model_validate(fields | changes))


def train(log: ListLog, text: str, policies: PolicyStore) -> None:
    """Learn what there is to learn, and say so in the log."""
    trainer = Trainer(Training.parse(text), policies, log.place)
    for _ in trainer.hear(list(log.read())):
        pass


def started(text: str) -> Draft:
    message = RunStarted(recipe=text, seed=7, policy_sha256="", machine={})
    return Draft("society", 0, 0, message, "society")


@pytest.fixture
def told(story_in: Tell, training: Training, policies: PolicyStore) -> ListLog:
    """A run of four rounds, learnt by one recipe."""
    log = ListLog()
    log.place([started(recipe(training))])
    story = story_in(log)
    story._next["society"] = 1  # noqa: SLF001 - it has said that it started
    story.play(ROUNDS)
    train(log, recipe(training), policies)
    return log


def forget(policies: PolicyStore, versions: Iterable[int]) -> None:
    for version in versions:
        for file in policies.path(version).glob("optimizer*"):
            file.unlink()


def moments(policies: PolicyStore, version: int) -> list[torch.Tensor]:
    return tensors(torch.load(policies.path(version) / "optimizer.pt", weights_only=True))


def tensors(state: dict[str, Any]) -> list[torch.Tensor]:
    found = [value for each in state["optimizer"]["state"].values() for value in each.values()]
    return [*found, *state["teacher"].values()]


def same(one: list[torch.Tensor], two: list[torch.Tensor]) -> bool:
    return len(one) == len(two) and all(map(torch.equal, one, two))


@pytest.mark.parametrize("gone", [{ROUNDS}, {2, 3, 4}, {1, 2, 3, 4}])
def test_a_version_gets_back_what_a_trainer_needs(
    told: ListLog, policies: PolicyStore, gone: set[int]
):
    before = moments(policies, ROUNDS)
    said = checkpoint.announcement(policies, ROUNDS)
    forget(policies, gone)
    make_resumable(policies, ROUNDS, told)
    assert same(before, moments(policies, ROUNDS))
    assert checkpoint.announcement(policies, ROUNDS) == said


def test_a_copy_gets_back_what_its_trainer_needs(
    story_in: Tell, training: Training, policies: PolicyStore
):
    separate = training.trainer.model_copy(update={"separate": ("examiner",)})
    log, text = ListLog(), recipe(training, trainer=separate.model_dump())
    log.place([started(text)])
    story = story_in(log)
    story._next["society"] = 1  # noqa: SLF001 - it has said that it started
    story.play(2)
    train(log, text, policies)
    kept = policies.path(2) / "copies" / "examiner" / "optimizer.pt"
    before = torch.load(kept, weights_only=True)
    kept.unlink()
    make_resumable(policies, 2, log)
    after = torch.load(kept, weights_only=True)
    assert before["steps"] == after["steps"] > 0
    assert all(map(torch.equal, tensors(before), tensors(after)))


def test_a_version_that_is_not_there_at_all_is_made_again(
    told: ListLog, policies: PolicyStore, tmp_path: Path
):
    other = PolicyStore(tmp_path / "other")
    other.adopt(policies.path(0))
    made = rebuild(other, 3, told, tmp_path / "made", since=2)
    assert {2, 3} <= set(made.versions())
    assert made.latest() == 3
    assert made.sha256(3) == announced(told)[3]


def test_each_round_is_learnt_by_the_recipe_of_its_time(
    told: ListLog, story_in: Tell, training: Training, policies: PolicyStore, tmp_path: Path
):
    other = recipe(training, trainer={"learning_rate": 5e-3, "betas": (0.5, 0.9)})
    forked = RunForked(parent="run", at=told.last_seq, branch="fork", recipe=other)
    told.place([Draft("fork", 0, 0, forked, "fork")])
    story = further(story_in, told)
    story.play(2)
    train(told, other, policies)
    made = rebuild(fresh(policies, tmp_path), ROUNDS + 2, told, tmp_path / "made")
    assert made.sha256(ROUNDS + 2) == announced(told)[ROUNDS + 2]


def test_a_round_that_was_played_ahead_is_learnt_by_the_recipe_that_came_then(
    story_in: Tell, training: Training, policies: PolicyStore, tmp_path: Path
):
    log, ahead = ListLog(), {"max_staleness": 1}
    text = recipe(training, trainer=training.trainer.model_copy(update=ahead))
    log.place([started(text)])
    story = story_in(log)
    story._next["society"] = 1  # noqa: SLF001 - it has said that it started
    story.play(ROUNDS)
    train(log, text, policies)
    assert max(announced(log)) == ROUNDS - 1  # it knows more, and may not say so yet
    other = recipe(training, trainer={"learning_rate": 5e-3})
    forked = RunForked(parent="run", at=log.last_seq, branch="fork", recipe=other)
    log.place([Draft("fork", 0, 0, forked, "fork")])
    place = fresh(policies, tmp_path)
    place.bring(policies, ROUNDS - 1)
    train(log, other, place)
    made = rebuild(fresh(policies, tmp_path / "again"), ROUNDS, log, tmp_path / "made")
    assert made.sha256(ROUNDS) == announced(log)[ROUNDS] != policies.sha256(ROUNDS)


def further(story_in: Tell, log: EventLog) -> Any:
    story = story_in(log)
    story.round = ROUNDS + 1
    for event in log.read():
        story._next[event.producer] = event.pseq + 1  # noqa: SLF001 - it goes on
    return story


def fresh(policies: PolicyStore, tmp_path: Path) -> PolicyStore:
    """A store that has the first version and no other."""
    other = PolicyStore(tmp_path / "other")
    other.adopt(policies.path(0))
    return other


def test_other_weights_than_announced_are_refused(
    story_in: Tell, training: Training, policies: PolicyStore, tmp_path: Path
):
    log = ListLog()
    log.place([started(recipe(training))])
    story = story_in(log)
    story._next["society"] = 1  # noqa: SLF001 - it has said that it started
    story.play(2)
    train(log, recipe(training, seed=8), policies)
    with pytest.raises(WeightsDifferError, match=r"policy v1 .* as announced"):
        rebuild(fresh(policies, tmp_path), 2, log, tmp_path / "made")


def test_a_version_that_the_log_does_not_lead_to_is_told(
    told: ListLog, policies: PolicyStore, tmp_path: Path
):
    with pytest.raises(WeightsDifferError, match="the log's rounds lead to v4"):
        rebuild(fresh(policies, tmp_path), 9, told, tmp_path / "made", since=0)
