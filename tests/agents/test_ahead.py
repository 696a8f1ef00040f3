"""Rounds played ahead of the trainer: which version plays which follows from the recipe."""

import pytest
from troupe import perform

from simctl.bus.event import Event
from simctl.cli.recipe import load

SMALL = ["run.rounds=4", "run.episodes=2", "episode.num_generations=2", "suite=[]"]


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    """A run of four rounds, two rounds ahead of its trainer."""
    recipe = load("absolute_zero", [*SMALL, "trainer.max_staleness=2"])
    return perform(recipe, tmp_path_factory.mktemp("ahead") / "policies")


def of(events: list[Event], kind: str) -> list[tuple[int, int | None]]:
    return [(each.round, each.policy_version) for each in events if each.kind == kind]


def test_a_round_is_played_with_the_version_of_so_many_rounds_before(events: list[Event]):
    said = {(each.round, each.policy_version) for each in events if each.utterance}
    assert said == {(1, 0), (2, 0), (3, 0), (4, 1)}
    assert of(events, "round_started") == [(1, 0), (2, 0), (3, 0), (4, 1)]


def test_a_version_is_spoken_of_when_the_round_has_ended_that_it_was_waited_for_in(
    events: list[Event],
):
    kinds = ("round_ended", "play_ended", "policy_updated")
    told = [(each.kind, each.round) for each in events if each.kind in kinds]
    before = [("round_ended", number) for number in (1, 2, 3)]
    after = [("policy_updated", number) for number in (2, 3, 4)]
    middle = [("policy_updated", 1), ("round_ended", 4)]
    assert told == [*before, *middle, after[0], ("play_ended", 4), *after[1:]]


def test_all_that_was_played_is_learnt_from_and_its_age_is_told(events: list[Event]):
    updates = [each.message for each in events if each.kind == "policy_updated"]
    assert [each.metrics["staleness/max"] for each in updates] == [0, 1, 2, 2]
    assert not [each for each in events if getattr(each.message, "reason", "") == "stale"]
