"""Fields of an answer: what a chat model says under a name, in whatever dress it says it.

`Problem: ...`, `**Problem:** ...`, `<problem>...</problem>` and `{"problem": "..."}` are one.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

_OBJECT = re.compile(r"\{[^{}]*\}")  # flat, as all that are asked for
_THOUGHT = "think"


class UnreadError(Exception):
    """An answer does not hold what was asked for."""


def without_thoughts(said: str) -> str:
    """Return an answer without what was thought before it.

    Raises:
        UnreadError: the thinking never ends.
    """
    _, ended, answer = said.rpartition(f"</{_THOUGHT}>")
    if not ended and f"<{_THOUGHT}>" in said:
        raise UnreadError("its thinking has no end")
    return answer.strip()


def field(said: str, name: str, *others: str) -> str:
    """Return the last field of that name, which ends where one of the `others` begins.

    Raises:
        UnreadError: there is none, or it is empty.
    """
    found = _in_json(said).get(name.lower())
    text = _in_tags(said, name) or _after_label(said, name, others) if found is None else str(found)
    if not text:
        raise UnreadError(f"no {name.lower()!r} in it")
    return text


def _in_json(said: str) -> Mapping[str, Any]:
    for written in reversed(_OBJECT.findall(said)):
        try:
            found = json.loads(written)
        except ValueError:
            continue
        if isinstance(found, dict):
            return {str(key).lower(): value for key, value in found.items()}
    return {}


def _in_tags(said: str, name: str) -> str:
    found = re.findall(rf"<{name}>(.*?)</{name}>", said, re.DOTALL | re.IGNORECASE)
    return str(found[-1]).strip() if found else ""


def _after_label(said: str, name: str, others: tuple[str, ...]) -> str:
    starts = list(re.finditer(_label(name), said, re.MULTILINE | re.IGNORECASE))
    if not starts:
        return ""
    rest = said[starts[-1].end() :]
    for other in others:
        rest = re.split(_label(other), rest, maxsplit=1, flags=re.MULTILINE | re.IGNORECASE)[0]
    return rest.strip().strip('*`"').strip()


def _label(name: str) -> str:
    """Return the pattern of a label at the beginning of a line, with or without markdown."""
    return rf"^[ \t>#*_`-]*{name}[ \t]*[*_`]*[ \t]*:[ \t]*[*_`]*"
