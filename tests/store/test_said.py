"""The narrow reading of a log says what the whole one says, and nothing else."""

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simctl.bus.answers import TaskPosed
from simctl.bus.event import Draft, Event, Utterance
from simctl.bus.messages import (
    MessageRejected,
    RunResumed,
)
from simctl.store.log import EventLog
from simctl.store.said import Said, said

Append = Callable[..., list[Event]]
_SPEECH = st.builds(
    Utterance,
    prompt_tokens=st.lists(st.integers(0, 99), max_size=3).map(tuple),
    tokens=st.lists(st.integers(0, 99), max_size=3).map(tuple),
    logprobs=st.lists(st.floats(-9, 0, width=32), max_size=3).map(tuple),
)
_MESSAGES = st.one_of(
    st.builds(RunResumed, incarnation=st.integers(0, 9)),
    st.builds(MessageRejected, reason=st.text(st.characters(exclude_categories=["Cs"]))),
    st.builds(TaskPosed, problem=st.just("p"), temperature=st.floats(0, 2)),
)
_FIELDS = st.fixed_dictionaries(
    {
        "message": _MESSAGES,
        "episode": st.sampled_from(["", "e1.000", "e1.001"]),
        "round": st.integers(0, 9),
        "task": st.none() | st.integers(0, 9),
        "policy_version": st.none() | st.integers(0, 9),
        "utterance": st.none() | _SPEECH,
    }
)


def narrowed(event: Event) -> Said:
    return Said(*(getattr(event, name) for name in Said._fields))


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    spoken=st.lists(_FIELDS, min_size=1, max_size=8),
    kinds=st.sets(st.sampled_from(["run_resumed", "message_rejected", "task_posed"]), min_size=1),
    page=st.integers(1, 9),
    edges=st.tuples(st.integers(0, 8), st.integers(0, 8)),
)
def test_what_is_said_is_what_the_events_say(  # noqa: PLR0913, PLR0917 - fixtures and a law
    log: EventLog,
    append: Append,
    spoken: list[dict[str, Any]],
    kinds: set[str],
    page: int,
    edges: tuple[int, int],
):
    before = log.last_seq
    after, until = before + edges[0], min(before + edges[1], before + len(spoken))
    append(log, [Draft(f"p{before}", 0, at, sender="s", **one) for at, one in enumerate(spoken)])
    wanted = [narrowed(event) for event in log.read(after, until) if event.kind in kinds]
    found = list(said(log, kinds, after, until, page))
    assert found == wanted
    assert [each.message for each in found] == [event.message for event in wanted]


def test_nothing_said_is_an_empty_reading(log: EventLog):
    assert list(said(log, {"task_posed"})) == []
