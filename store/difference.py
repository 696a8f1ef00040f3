"""Differences: the fields in which two events say that different things happened."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from simctl.bus.event import HASHED, Event, Utterance

_SAID = {"prompt_tokens": "prompt_tokens", "answer_tokens": "tokens", "logprobs": "logprobs"}


@dataclass(frozen=True)
class Difference:
    """A field, and what it is in one event and in the other; None where one has it not."""

    field: str
    one: Any
    other: Any


def differences(one: Event, other: Event) -> list[Difference]:
    """Return where two events differ in what happened; fields of the payload by their names.

    What two kinds of messages say is not compared.
    """
    return [each for each in _pairs(one, other) if each.one != each.other]


def _pairs(one: Event, other: Event) -> Iterator[Difference]:
    for name in HASHED:
        if name == "payload":  # is compared by its fields
            continue
        yield Difference(name, getattr(one, name), getattr(other, name))
    if one.kind != other.kind:
        return
    for name, field in _SAID.items():
        yield Difference(name, _said(one.utterance, field), _said(other.utterance, field))
    ours, theirs = _fields(one.payload), _fields(other.payload)
    for name in dict.fromkeys([*ours, *theirs]):
        if name != "kind":
            yield Difference(name, ours.get(name), theirs.get(name))


def _fields(payload: str) -> dict[str, Any]:
    try:
        found = json.loads(payload)
    except ValueError:  # of another version, or damaged: then it differs as a whole
        found = None
    return dict(_flat(found, "")) if isinstance(found, dict) else {"payload": payload}


def _flat(fields: Mapping[str, Any], above: str) -> Iterator[tuple[str, Any]]:
    for name, value in fields.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _said(said: Utterance | None, field: str) -> Any:
    return None if said is None else getattr(said, field)
