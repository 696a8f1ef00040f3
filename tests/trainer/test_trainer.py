"""From a log to weights: exactly once, however often the trainer breaks off."""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from simctl.bus.event import Draft, Event
from simctl.bus.messages import (
    AnyMessage,
    BatchBuilt,
    PolicyUpdated,
    SampleDropped,
)
from simctl.store.log import EventLog
from simctl.store.memory_log import ListLog
from simctl.store.policies import PolicyConflictError, PolicyStore
from simctl.store.said import said
from simctl.trainer.herald import BatchDiffersError
from simctl.trainer.learner import Learner
from simctl.trainer.retrain import retrain
from simctl.trainer.settings import Training
from simctl.trainer.trainer import HEARD, RoundMissingError, Trainer

Story = Any  # conftest makes it


class KilledError(Exception):
    """The process is no more."""


def publisher(story: Story) -> Callable[[Sequence[Draft]], list[Event]]:
    return lambda drafts: asyncio.run(story.log.append(drafts))


def train(story: Story, training: Training, policies: PolicyStore) -> list[PolicyUpdated]:
    trainer = Trainer(training, policies, publisher(story))
    trainer.announce()
    return list(trainer.hear(story.events))


def reports(story: Story) -> list[tuple[int, str, str]]:
    """Return what the trainer has said, as the log has it."""
    return [(e.pseq, e.kind, e.payload) for e in story.events if e.producer == "trainer"]


@pytest.fixture(scope="module")
def straight(
    story_in: Callable[[EventLog], Story],
    training: Training,
    base: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[list[tuple[int, str, str]], list[str]]:
    """What is said, and the hashes, when nothing ever breaks."""
    story, policies = story_in(ListLog()), PolicyStore(tmp_path_factory.mktemp("straight"))
    policies.adopt(base)
    story.play(3)
    updates = train(story, training, policies)
    return reports(story), [update.sha256 for update in updates]


def test_a_round_becomes_drops_a_batch_and_the_next_version(
    story: Story, training: Training, policies: PolicyStore
) -> None:
    story.play()
    [update] = train(story, training, policies)
    *dropped, built, updated = [e.message for e in story.events if e.producer == "trainer"]
    assert all(isinstance(each, SampleDropped) for each in dropped)
    assert isinstance(built, BatchBuilt)
    assert (built.version, built.samples) == (1, 17)
    assert updated == update
    assert (update.version, update.parent) == (1, 0)
    policies.verify(1, update.sha256)
    assert update.sha256 != policies.sha256(0)


def test_every_utterance_trains_or_is_dropped_with_a_reason(
    story: Story, training: Training, policies: PolicyStore
) -> None:
    story.play()
    train(story, training, policies)
    spoken = {e.seq for e in story.events if e.utterance is not None and e.utterance.tokens}
    named = {
        source
        for event in story.events
        if isinstance(event.message, BatchBuilt | SampleDropped)
        for source in event.message.sources
    }
    assert spoken <= named


def test_the_update_carries_metrics_by_role_and_probes(
    story: Story, training: Training, policies: PolicyStore
) -> None:
    story.play()
    [update] = train(story, training, policies)
    assert update.metrics["reward/solver/mean"] == 0.25
    assert update.metrics["frac_reward_zero_std/solver"] == 0.0
    assert update.metrics["completions/solver/mean_length"] == 3.5
    assert update.metrics["staleness/max"] == 0.0
    assert {"loss", "grad_norm", "entropy/critic"} <= set(update.metrics)
    assert len(update.probes) == 4


def test_a_version_is_complete_and_says_where_it_comes_from(
    story: Story, training: Training, policies: PolicyStore
) -> None:
    story.play(2)
    train(story, training, policies)
    state = policies.state(2)
    assert (state.version, state.parent, state.event_offset) == (2, 1, story_end(story))
    assert {"config.json", "tokenizer.json"} <= {f.name for f in policies.path(2).iterdir()}


def story_end(story: Story) -> int:
    return max(event.seq for event in story.events if event.kind == "round_ended")


def test_retraining_from_the_log_gives_the_same_weights(
    story: Story, training: Training, policies: PolicyStore, base: Path, tmp_path: Path
) -> None:
    story.play(3)
    live = train(story, training, policies)
    whole = list(retrain(story.log.read(), training, base, tmp_path / "whole"))
    narrow = list(retrain(said(story.log, HEARD), training, base, tmp_path / "narrow"))
    assert live == whole == narrow


def test_another_seed_gives_other_weights(
    story: Story, training: Training, base: Path, tmp_path: Path
) -> None:
    story.play()
    other = training.model_copy(update={"seed": 8})
    [one] = retrain(story.log.read(), training, base, tmp_path / "one")
    [two] = retrain(story.log.read(), other, base, tmp_path / "two")
    assert one.sha256 != two.sha256


def test_resuming_between_rounds_equals_a_straight_run(
    story: Story, training: Training, policies: PolicyStore, straight: Any
) -> None:
    for _ in range(3):
        story.play()
        train(story, training, policies)
    assert [policies.sha256(version) for version in (1, 2, 3)] == straight[1]


@pytest.mark.parametrize("sync", ["frozen", "ema", "live"])
def test_resuming_keeps_the_teacher(
    story: Story, training: Training, base: Path, tmp_path: Path, sync: str
) -> None:
    recipe = Training.model_validate(
        training.model_dump() | {"teacher": {"sync": sync, "decay": 0.5}}
    )
    story.play(2)
    *_, expected = retrain(story.log.read(), recipe, base, tmp_path / "straight")
    events = story.events
    half = next(at for at, event in enumerate(events) if event.round == 2)
    list(retrain(events[:half], recipe, base, tmp_path / "halves"))
    [found] = retrain(events, recipe, base, tmp_path / "halves")
    assert expected == found


KILLS = {
    "between batch and learning": (Learner, "learn", False),
    "while saving": (Learner, "save", True),
    "before the commit": (PolicyStore, "commit", False),
    "after the commit": (PolicyStore, "commit", True),
}


def kill_second(of: type, name: str, *, after: bool, patched: pytest.MonkeyPatch) -> None:
    """Let the process be killed in round 2, before or after it does something."""
    real, calls = getattr(of, name), itertools.count(1)

    def call(*arguments: Any, **options: Any) -> Any:
        second = next(calls) == 2
        if second and not after:
            raise KilledError
        result = real(*arguments, **options)
        if second:
            raise KilledError
        return result

    patched.setattr(of, name, call)


@pytest.mark.parametrize("at", KILLS)
def test_a_kill_at_any_point_is_repeated_to_the_same_end(
    story: Story, training: Training, policies: PolicyStore, straight: Any, at: str
) -> None:
    of, name, after = KILLS[at]
    story.play(3)
    with pytest.MonkeyPatch.context() as patched:
        kill_second(of, name, after=after, patched=patched)
        with pytest.raises(KilledError):
            train(story, training, policies)
    train(story, training, policies)
    assert (reports(story), [policies.sha256(v) for v in (1, 2, 3)]) == straight


def test_announcing_again_adds_nothing(
    story: Story, training: Training, policies: PolicyStore
) -> None:
    story.play(2)
    train(story, training, policies)
    before = story.log.last_seq
    assert train(story, training, policies) == []
    assert story.log.last_seq == before


def test_a_round_in_which_nothing_trains_gives_a_version_with_the_same_weights(
    story: Story, training: Training, policies: PolicyStore
) -> None:
    task = story.task()
    for _ in range(2):
        story.attempt(task, task, (8, 1), 1.0)
    story.end()
    story.end()
    one, two = train(story, training, policies)
    assert (one.version, two.version, two.parent) == (1, 2, 1)
    assert one.sha256 == two.sha256
    assert two.probes == ()


def test_another_recipe_is_refused_where_the_log_has_a_batch_already(
    story: Story, training: Training, policies: PolicyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.play()
    with monkeypatch.context() as patched:
        patched.setattr(Learner, "learn", killed)
        with pytest.raises(KilledError):
            train(story, training, policies)
    other = training.model_copy(update={"objective": training.objective[::-1]})
    with pytest.raises(BatchDiffersError, match=r"round 1: the log has .* another recipe"):
        train(story, other, policies)


def test_another_reason_for_dropping_a_sample_is_refused_too(
    story: Story, training: Training, policies: PolicyStore
) -> None:
    publish = publisher(story)

    def logged(drafts: Sequence[Draft]) -> list[Event]:
        """Let the log have what another version of simctl would have said."""
        return publish([replace(draft, message=on_monday(draft.message)) for draft in drafts])

    task = story.task()
    story.attempt(task, task, (8, 1), 1.0)
    story.end()
    with pytest.raises(BatchDiffersError, match="the log has it was Monday"):
        list(Trainer(training, policies, logged).hear(story.events))


def on_monday(message: AnyMessage) -> AnyMessage:
    other = {"reason": "it was Monday"}
    return message.model_copy(update=other) if isinstance(message, SampleDropped) else message


def killed(*_: object) -> None:
    raise KilledError


def test_a_round_that_does_not_follow_is_refused(
    story: Story, training: Training, policies: PolicyStore
) -> None:
    story.round = 4
    story.play()
    with pytest.raises(RoundMissingError, match="weights are those of round 0"):
        train(story, training, policies)


def test_a_version_is_never_replaced_by_other_weights(
    story: Story, training: Training, policies: PolicyStore
) -> None:
    story.play()
    train(story, training, policies)
    with pytest.raises(PolicyConflictError):
        policies.commit(
            1,
            lambda path: (path / "model.safetensors").write_bytes(b"other") and None,
            policies.state(1),
        )
