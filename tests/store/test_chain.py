"""Rows are checked in columns exactly as events are checked one by one."""

from collections.abc import Callable

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simctl.bus.event import Draft, Utterance, rehash
from simctl.bus.messages import MessageRejected
from simctl.store.chain import Fault, Link, follow, hashes
from simctl.store.memory_log import ListLog
from simctl.store.rows import to_table

Say = Callable[..., Draft]
TOKENS = st.lists(st.integers(0, 2**31 - 1), max_size=5)
LOGPROBS = st.lists(st.floats(-100, 0, width=32), max_size=5)
UTTERANCES = st.none() | st.builds(
    lambda prompt, tokens, logprobs: Utterance(tuple(prompt), tuple(tokens), tuple(logprobs)),
    TOKENS,
    TOKENS,
    LOGPROBS,
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@given(st.lists(st.tuples(TEXTS, st.none() | st.integers(0, 9), UTTERANCES), max_size=8))
def test_the_hash_of_a_row_is_the_hash_of_its_event(told: list[tuple[str, int | None, Utterance]]):
    drafts = [
        Draft(
            "a", 0, at, MessageRejected(reason=text), text, policy_version=version, utterance=said
        )
        for at, (text, version, said) in enumerate(told)
    ]
    events = ListLog().place(drafts)
    assert list(hashes(to_table(events))) == [rehash(event) for event in events]


@pytest.fixture
def rows(say: Say, speech: Utterance) -> pa.Table:
    return to_table(ListLog().place([say(at, utterance=speech) for at in range(6)]))


def changed(rows: pa.Table, column: str, at: int, value: object) -> pa.Table:
    values = rows.column(column).to_pylist()
    values[at] = value
    field = rows.schema.field(column)
    return rows.set_column(rows.schema.get_field_index(column), field, pa.array(values, field.type))


def test_a_whole_chain_is_followed_to_its_end_and_on_from_there(rows: pa.Table):
    link, fault = follow(Link(), rows.slice(0, 4))
    assert (link.seq, fault) == (4, None)
    link, fault = follow(link, rows.slice(4))
    assert (link, fault) == (Link(6, rows.column("hash")[5].as_py()), None)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("payload", "{}"),
        ("sender", "somebody"),
        ("kind", "run_ended"),
        ("cause", 1),
        ("policy_version", 7),
        ("tokens", [4, 6]),
        ("logprobs", [-0.5, -0.5]),
        ("prompt_tokens", None),
        ("hash", "ab" * 32),
        ("prev_hash", "ab" * 32),
    ],
)
def test_a_changed_row_ends_the_chain_before_it(rows: pa.Table, column: str, value: object):
    link, fault = follow(Link(), changed(rows, column, 3, value))
    assert (link.seq, fault and fault.seq) == (3, 4)


def test_a_row_that_is_missing_ends_the_chain_before_it(rows: pa.Table):
    link, fault = follow(Link(), pa.concat_tables([rows.slice(0, 2), rows.slice(3)]))
    assert (link.seq, fault) == (2, Fault(3, "event 4 follows event 2"))


def test_no_rows_leave_a_chain_where_it_was(rows: pa.Table):
    assert follow(Link(6, "ab"), rows.slice(6)) == (Link(6, "ab"), None)


def test_a_row_of_another_log_ends_the_chain_before_it(rows: pa.Table, say: Say):
    other = to_table(ListLog().place([say(at) for at in range(6)]))
    assert follow(Link(), other)[1] is None
    link, fault = follow(Link(), pa.concat_tables([rows.slice(0, 3), other.slice(3)]))
    assert (link.seq, fault) == (3, Fault(4, "event 4 does not continue event 3"))
