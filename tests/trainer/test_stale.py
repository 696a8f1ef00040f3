"""What too old a version said is dropped as an event, and what is not older is learnt from."""

from pathlib import Path
from typing import Any

import pytest

from simctl.bus.messages import (
    BatchBuilt,
    PlayEnded,
    SampleDropped,
)
from simctl.store.policies import PolicyStore
from simctl.trainer.retrain import retrain
from simctl.trainer.settings import TrainerSettings, Training
from simctl.trainer.trainer import Trainer

Story = Any  # conftest makes it


def lagging(story: Story, rounds: int = 3) -> Story:
    """Play rounds whose answers are all of version 0."""
    for _ in range(rounds):
        number, story.round = story.round, 1
        first = story.log.last_seq
        story.play()
        for event in list(story.log.read())[first:]:
            event.__dict__["round"] = number
        story.round = number + 1
    story.say("society", PlayEnded(rounds=rounds))
    return story


@pytest.mark.parametrize(
    ("bound", "dropped"), [(None, [0, 0, 0]), (0, [0, 10, 10]), (1, [0, 0, 10])]
)
def test_answers_older_than_the_bound_are_dropped_and_counted(
    story: Story, training: Training, policies: PolicyStore, bound: int | None, dropped: list[int]
) -> None:
    lagging(story)
    limited = training.trainer.model_copy(update={"max_staleness": bound})
    said: list[Any] = []
    trainer = Trainer(
        training.model_copy(update={"trainer": limited}),
        policies,
        lambda drafts: said.extend(each.message for each in drafts) or (),
    )
    updates = list(trainer.hear(story.events))
    assert [update.metrics["staleness/max"] for update in updates] == [0, 1, 2]
    assert [update.metrics.get("staleness/dropped", 0) for update in updates] == dropped
    named = [e for e in said if isinstance(e, SampleDropped) and e.reason == "stale"]
    assert {each.role for each in named} == ({"examiner", "solver"} if any(dropped) else set())


def test_what_nobody_sampled_never_grows_stale(
    story: Story, training: Training, policies: PolicyStore, tmp_path: Path
) -> None:
    lagging(story, 2)
    limited = training.trainer.model_copy(update={"max_staleness": 0})
    strict = training.model_copy(update={"trainer": limited})
    said: list[Any] = []
    trainer = Trainer(strict, policies, lambda drafts: said.extend(drafts) or ())
    list(trainer.hear(story.events))
    batches = [each.message for each in said if isinstance(each.message, BatchBuilt)]
    shown = [e.seq for e in story.events if e.kind == "demonstration_given" and e.round == 2]
    assert batches[1].sources == tuple(shown)
    *_, again = retrain(story.events, strict, policies.path(0), tmp_path / "again")
    assert again.sha256 == policies.sha256(2)


def test_a_round_is_played_with_the_version_of_so_many_rounds_before():
    ahead = {bound: TrainerSettings(max_staleness=bound).ahead for bound in (None, 0, 2)}
    assert ahead == {None: 0, 0: 0, 2: 2}
    assert [TrainerSettings(max_staleness=2).oldest(parent) for parent in (0, 1, 5)] == [0, 0, 3]
    assert TrainerSettings().oldest(9) == 0
