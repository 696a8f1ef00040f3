"""An invalid append is answered, kept and counted, and never stops the run (P14)."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simctl.bus.event import Draft, Event
from simctl.bus.messages import (
    MessageRejected,
    RunResumed,
)
from simctl.store import wire
from simctl.store.duck import DuckLog
from simctl.store.server import Endpoint

_GOOD: dict[str, Any] = json.loads(
    wire.dump_drafts([Draft("solver", 0, 0, RunResumed(incarnation=1), "solver")])
)[0]


def _draft(**changed: object) -> bytes:
    return json.dumps([{**_GOOD, **changed}]).encode()


def _message(**changed: object) -> bytes:
    return _draft(message={**_GOOD["message"], **changed})


BAD: dict[str, bytes] = {
    "nothing": b"",
    "half of JSON": b'[{"producer": "solv',
    "not UTF-8": b"\xff\xfe[]",
    "no list": b"{}",
    "a wrong type": _message(incarnation="many"),
    "an unknown kind": _message(kind="nonsense"),
    "an unknown field": _message(more=1),
    "no kind": _draft(message={}),
    "NaN": _draft(utterance={"prompt_tokens": [1], "tokens": [1], "logprobs": [float("nan")]}),
    "an infinity": _draft(
        utterance={"prompt_tokens": [1], "tokens": [1], "logprobs": [float("-inf")]}
    ),
    "a token too large": _draft(
        utterance={"prompt_tokens": [1 << 40], "tokens": [], "logprobs": []}
    ),
    "a lone surrogate": _draft(sender="\ud800"),
    "100,000 brackets": b"[" * 100_000,
    "100,000 deep": b"[" * 100_000 + b"]" * 100_000,
    "50 MB": b'["' + b"x" * 50_000_000 + b'"]',
    "a gap": _draft(pseq=7),
    "a cause to come": _draft(cause=1 << 40),
    "a negative number": _draft(epoch=-1),
    "a number too large": _draft(round=1 << 70),
    "a nameless producer": _draft(producer=""),
    "an unprintable producer": _draft(producer="a\u0000b"),
    "the producer of others": _draft(producer="endpoint"),
}


@pytest.fixture
def client(duck: DuckLog, run_dir: Path) -> Iterator[httpx.Client]:
    with Endpoint(duck, run_dir, duck.submit):
        transport = httpx.HTTPTransport(uds=str(run_dir / "store.sock"))
        with httpx.Client(transport=transport, base_url="http://owner", timeout=240) as client:
            yield client


def _kept(duck: DuckLog) -> list[MessageRejected]:
    messages = [event.message for event in duck.read() if event.producer == "endpoint"]
    return [message for message in messages if isinstance(message, MessageRejected)]


@pytest.mark.parametrize("what", BAD)
def test_a_bad_append_is_answered_and_kept_and_the_owner_goes_on(
    client: httpx.Client, duck: DuckLog, what: str
):
    answer = client.post("/append", content=BAD[what])
    assert answer.status_code == 400
    assert answer.json()["error"] == "DraftRefusedError"
    [kept] = _kept(duck)
    assert kept.length == len(BAD[what])
    assert kept.sha256 == hashlib.sha256(BAD[what]).hexdigest()
    assert kept.reason == answer.json()["text"][: len(kept.reason)]
    assert len(kept.text) <= 4096
    assert client.post("/append", content=_draft()).status_code == 200
    assert duck.last_seq == 2


def test_rejections_are_counted(client: httpx.Client, duck: DuckLog):
    for body in (b"{", b"}", _draft(pseq=3)):
        client.post("/append", content=body)
    rows = duck.query("SELECT said_by, length FROM rejections ORDER BY seq").to_pylist()
    assert [row["said_by"] for row in rows] == ["endpoint"] * 3
    assert [row["length"] for row in rows[:2]] == [1, 1]


def test_a_later_owner_numbers_rejections_anew(duck: DuckLog, run_dir: Path):
    for _ in range(2):
        with Endpoint(duck, run_dir, duck.submit):
            transport = httpx.HTTPTransport(uds=str(run_dir / "store.sock"))
            with httpx.Client(transport=transport, base_url="http://owner", timeout=240) as client:
                client.post("/append", content=b"{")
                client.post("/append", content=b"}")
    assert [(event.epoch, event.pseq) for event in duck.read()] == [(0, 0), (0, 1), (2, 0), (2, 1)]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)
_BODY = (
    st.binary(max_size=300)
    | _JSON.map(lambda value: json.dumps(value).encode())
    | st.builds(lambda name, value: _draft(**{name: value}), st.sampled_from(sorted(_GOOD)), _JSON)
    | st.builds(lambda value: _message(incarnation=value), _JSON)
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=_BODY)
def test_whatever_comes_is_written_or_kept(client: httpx.Client, duck: DuckLog, body: bytes):
    before = duck.last_seq
    answer = client.post("/append", content=body)
    events: list[Event] = list(duck.read(before))
    if answer.status_code == 200:
        assert all(event.producer != "endpoint" for event in events)
    else:
        assert answer.status_code == 400
        assert [event.kind for event in events] == ["message_rejected"]
