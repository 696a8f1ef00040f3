"""A tape takes what its log holds, in any order that a run could have said it, and nothing else."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from random import Random

import pytest
import told
from hypothesis import given
from hypothesis import strategies as st

from simctl.bus.asks import ROLES
from simctl.bus.event import Draft, Event
from simctl.bus.messages import (
    PolicySynced,
    PolicyUpdated,
    RoundEnded,
    RoundStarted,
    RunResumed,
)
from simctl.cli.recipe import load
from simctl.store.memory_log import ListLog
from simctl.store.tape import DivergenceError, Tape

DRAFTS = told.tale(load("society"), rounds=2)
LOG = ListLog()
LOG.place(DRAFTS)
EVENTS = list(LOG.read())
OF_RUN = [draft for draft in DRAFTS if draft.message.kind != "run_ended"]


def say(tape: Tape, drafts: Sequence[Draft]) -> list[Event]:
    return [event for draft in drafts for event in tape.place([draft])]


def test_what_is_said_again_is_what_was_said():
    tape = Tape(iter(EVENTS))
    assert say(tape, OF_RUN) == EVENTS[: len(OF_RUN)]
    assert tape.close() is None
    assert (tape.said.total(), tape.apart) == (len(OF_RUN), {"run_ended": 1})


@given(st.integers())
def test_the_order_of_episodes_in_a_round_is_free(seed: int):
    # as a run that was killed and resumed leaves them; what a producer says keeps its order
    def place(draft: Draft) -> tuple[int, float, int]:
        return draft.round, by_episode.get(draft.episode, 9.0), places[id(draft)]

    dice = Random(seed)  # noqa: S311 - a test's own dice
    places = {id(draft): at for at, draft in enumerate(OF_RUN)}
    by_episode = {name: dice.random() for name in sorted({draft.episode for draft in OF_RUN})}
    by_episode[""] = 9.0
    episodes = sorted((each for each in OF_RUN if each.episode), key=place)
    tape = Tape(iter(EVENTS))
    begun = [each for each in OF_RUN if not each.episode and each.round == 0]
    say(tape, begun)
    for number in (1, 2):
        others = [each for each in OF_RUN if not each.episode and each.round == number]
        say(tape, others[:2])
        say(tape, [each for each in episodes if each.round == number])
        say(tape, others[2:])
    assert tape.close() is None


def ahead() -> list[Draft]:
    """A run whose first version is spoken of when the second round has ended."""
    updated = PolicyUpdated(version=1, parent=0, sha256="", metrics={})
    said = [RoundStarted(episodes=1), RoundEnded(episodes=1)]
    rounds = [(each, number) for number in (1, 2, 3) for each in said]
    synced = (PolicySynced(version=1, sampler="s", ok=True), 2)
    drafts = [
        Draft("society", 0, at, message, "society", round=number)
        for at, (message, number) in enumerate([*rounds[:4], synced, *rounds[4:]])
    ]
    return [*drafts[:4], Draft("trainer", 0, 0, updated, "trainer", round=1), *drafts[4:]]


def test_what_is_said_of_an_earlier_round_belongs_where_it_was_said():
    drafts = ahead()
    tape = Tape(iter(ListLog().place(drafts)))
    say(tape, drafts[:3])
    told = tape.take_all("trainer", "policy_updated", 1, 2)  # read ahead of the end of its round
    assert [each.kind for each in told] == ["policy_updated"]
    say(tape, drafts[3:])
    assert tape.close() is None


@pytest.mark.parametrize("field", ["recipient", "episode", "cause", "policy_version"])
def test_whatever_differs_is_found_where_it_stands(field: str):
    at = next(at for at, each in enumerate(OF_RUN) if each.sender == "episode")
    other = replace(OF_RUN[at], **{field: 1 if field in {"cause", "policy_version"} else "x"})
    tape = Tape(iter(EVENTS))
    say(tape, OF_RUN[:at])
    with pytest.raises(DivergenceError):
        tape.place([other])
    found = tape.close()
    assert found is not None
    assert found.seq == at + 1


def test_an_answer_is_found_by_its_ask_whoever_numbered_it():
    tape = Tape(iter(EVENTS))
    renumbered = [
        replace(each, epoch=7, pseq=100 + at)
        if each.sender in ROLES and each.cause is not None
        else each
        for at, each in enumerate(OF_RUN)
    ]
    say(tape, renumbered)
    assert tape.close() is None


@pytest.mark.parametrize("missing", [8, len(OF_RUN) - 1])
def test_what_nobody_says_again_is_a_divergence(missing: int):
    # the last of its producer in a round, so that nothing else is missed
    tape = Tape(iter(EVENTS))
    kept = [each for at, each in enumerate(OF_RUN) if at != missing]
    with suppress(DivergenceError):
        say(tape, kept)
    found = tape.close()
    assert found is not None
    assert (found.seq, found.found) == (missing + 1, None)


def test_a_run_that_goes_on_after_its_log_is_a_divergence_if_it_had_finished():
    more = Draft("society", 0, 99, RunResumed(incarnation=1), "society", round=3)
    tape = Tape(iter(EVENTS))
    say(tape, OF_RUN)
    with pytest.raises(DivergenceError):
        tape.place([more])
    broken_off = Tape(iter(EVENTS), finished=False)
    say(broken_off, OF_RUN)
    assert broken_off.place([more])[0].seq == len(EVENTS) + 1
    assert (broken_off.close(), broken_off.over) == (None, True)


def test_a_tape_reads_no_further_than_it_must():
    read = 0

    def counted() -> Iterator[Event]:
        nonlocal read
        for event in EVENTS:
            read += 1
            yield event

    tape = Tape(counted())
    for said, draft in enumerate(OF_RUN, 1):
        tape.place([draft])
        assert read == said
