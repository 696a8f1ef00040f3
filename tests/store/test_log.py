"""What every event log promises, whatever it is made of."""

import asyncio
from array import array
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simctl.bus.event import Draft, Event, Utterance, rehash
from simctl.bus.messages import (
    MessageRejected,
    RoundEnded,
)
from simctl.store.errors import DraftRefusedError
from simctl.store.log import EventLog
from simctl.store.memory_log import ListLog

Append = Callable[..., list[Event]]
Say = Callable[..., Draft]
_NAMES = (f"producer-{number}" for number in count())
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_INT32 = st.integers(-(2**31), 2**31 - 1)
_FLOATS = st.floats(
    width=32, allow_nan=False, allow_infinity=False, max_value=0, min_value=-(2.0**100)
)
_SAID = st.builds(
    Utterance,
    prompt_tokens=st.lists(_INT32, max_size=4).map(tuple),
    tokens=st.lists(_INT32, max_size=4).map(tuple),
    logprobs=st.lists(_FLOATS, max_size=4).map(tuple),
)
_INT64 = st.integers(0, 2**63 - 1)
_SPOKEN = st.fixed_dictionaries(
    {
        "message": st.builds(MessageRejected, reason=_TEXT, text=_TEXT),
        "sender": _TEXT,
        "recipient": _TEXT,
        "episode": _TEXT,
        "round": st.integers(0, 2**31),
        "task": st.none() | _INT64,
        "policy_version": st.none() | _INT64,
        "utterance": st.none() | _SAID,
        "wall_us": _INT64,
    }
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spoken=st.lists(_SPOKEN, min_size=1, max_size=5))
def test_what_is_appended_is_read_back_unchanged(
    log: EventLog, append: Append, spoken: list[dict[str, Any]]
):
    name, before = next(_NAMES), log.last_seq
    drafts = [Draft(producer=name, epoch=0, pseq=at, **each) for at, each in enumerate(spoken)]
    events = append(log, drafts)
    assert list(log.read(before)) == events
    assert [event.message for event in events] == [draft.message for draft in drafts]


def test_log_probabilities_are_kept_in_single_precision(log: EventLog, append: Append, say: Say):
    said = Utterance((1,), (2,), (-0.1,))
    [event] = append(log, [say(0, utterance=said)])
    assert event.utterance is not None
    assert event.utterance.logprobs == tuple(array("f", [-0.1]))


def test_one_chain_covers_everything_without_gaps(
    log: EventLog, append: Append, say: Say, speech: Utterance
):
    for at in range(0, 30, 3):
        append(log, [say(at), say(at + 1, utterance=speech), say(at + 2)])
    [found] = log.query(
        "SELECT count(*) AS events, min(seq) AS low, max(seq) AS high, count(DISTINCT id) AS ids,"
        " count(DISTINCT (producer, epoch, pseq)) AS triples,"
        " count(*) FILTER (prev_hash IS DISTINCT FROM before) AS broken FROM ("
        "SELECT *, lag(hash, 1, repeat('0', 64)) OVER (ORDER BY seq) AS before FROM events)"
    ).to_pylist()
    wanted = {"events": 30, "low": 1, "high": 30, "ids": 30, "triples": 30, "broken": 0}
    assert found == wanted
    assert all(rehash(event) == event.hash for event in log.read())


def test_the_chain_does_not_depend_on_names_and_times(log: EventLog, append: Append, say: Say):
    [event] = append(log, [say(0, wall_us=1)])
    [other] = append(ListLog("run-b"), [say(0, "other", sender="society", epoch=7)])
    assert event.id != other.id
    assert event.hash == other.hash


def test_the_same_number_is_the_same_event(log: EventLog, append: Append, say: Say):
    events = append(log, [say(0), say(1)])
    again = append(log, [say(0), say(1), say(2), say(2)])
    assert again[:2] == events
    assert [event.seq for event in again] == [1, 2, 3, 3]
    assert log.last_seq == 3


async def test_appends_at_the_same_time_are_each_written_once(log: EventLog, say: Say):
    drafts = [say(number) for number in range(50)]
    twice = [log.append([draft]) for draft in drafts] + [log.append(drafts)]
    *singly, together = await asyncio.gather(*twice)
    assert [event for [event] in singly] == together
    assert log.last_seq == 50


def test_a_jump_in_numbers_is_refused_with_all_of_its_append(
    log: EventLog, append: Append, say: Say
):
    with pytest.raises(DraftRefusedError, match=r"'society' .* said number 2, .* next number is 1"):
        append(log, [say(0), say(2)])
    assert list(log.read()) == []
    assert [event.seq for event in append(log, [say(0), say(1)])] == [1, 2]


def test_every_epoch_of_a_producer_counts_from_zero(log: EventLog, append: Append, say: Say):
    append(log, [say(0), say(1), say(0, epoch=1)])
    with pytest.raises(DraftRefusedError, match=r"\(epoch 2\) .* next number is 0"):
        append(log, [say(1, epoch=2)])


def test_a_cause_comes_before_its_effect(log: EventLog, append: Append, say: Say):
    append(log, [say(0), say(1, cause=1)])
    with pytest.raises(DraftRefusedError, match=r"names event 3 as its cause, .* ends at 2"):
        append(log, [say(2, cause=3)])


@pytest.mark.parametrize(
    "unwritable",
    [
        {"utterance": Utterance((1,), (2,), (float("nan"),))},
        {"utterance": Utterance((1,), (2**31,), (-1.0,))},
        {"message": MessageRejected(reason="half a character: \ud800")},
        {"sender": "\ud800"},
    ],
)
def test_what_cannot_be_written_is_refused(
    log: EventLog, append: Append, say: Say, unwritable: dict[str, Any]
):
    with pytest.raises(DraftRefusedError):
        append(log, [say(0, **unwritable)])
    assert log.last_seq == 0
    assert append(log, [say(0)])[0].seq == 1


def test_an_ended_episode_is_forgotten_but_not_written_twice(
    log: EventLog, append: Append, say: Say
):
    spoken = append(log, [say(0, "e1.0"), say(1, "e1.0")])
    ended = RoundEnded(episodes=1)
    append(log, [say(0, message=ended, round=1)])
    assert append(log, [say(0, "e1.0"), say(1, "e1.0")]) == spoken
    assert append(log, [say(2, "e1.0")])[0].seq == 4
    with pytest.raises(DraftRefusedError, match="next number is 0"):
        append(log, [say(4, "e1.1")])


def test_reading_gives_just_what_was_asked_for(log: EventLog, append: Append, say: Say):
    append(log, [say(number) for number in range(10)])
    assert [event.seq for event in log.read(3, 6)] == [4, 5, 6]
    assert [event.seq for event in log.read(8)] == [9, 10]
    assert list(log.read(10)) == []
