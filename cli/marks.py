"""Marks: two values one below the other, with what differs marked."""

import json
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any

from rich.text import Text

_SHOWN = 160  # characters of a value that are shown
_BEFORE = 40  # of them, before the first that differs
_MARKED = "bold red"


def marked(one: Any, other: Any) -> tuple[Text, Text, Text]:
    """Return both values as text with their differing characters marked, and a line of carets."""
    first, second = _lines(_text(one), _text(other))
    start = max(0, _parting(first, second) - _BEFORE)
    first, second = _window(first, start), _window(second, start)
    lines, carets = (Text(first), Text(second)), [" "] * max(len(first), len(second))
    for tag, a, b, c, d in SequenceMatcher(None, first, second, autojunk=False).get_opcodes():
        if tag != "equal":
            lines[0].stylize(_MARKED, a, b)
            lines[1].stylize(_MARKED, c, d)
            for at in range(c, max(d, c + 1)):
                carets[min(at, len(carets) - 1)] = "^"
    return *lines, Text("".join(carets).rstrip(), _MARKED)


def _text(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _lines(first: str, second: str) -> tuple[str, str]:
    """Return the first lines that differ, where a text has several."""
    ours, theirs = first.splitlines(), second.splitlines()
    if max(len(ours), len(theirs)) > 1:
        pairs = zip_longest(ours, theirs, fillvalue="")
        first, second = next((pair for pair in pairs if pair[0] != pair[1]), (first, second))
    return first.replace("\n", "\\n"), second.replace("\n", "\\n")


def _parting(first: str, second: str) -> int:
    pairs = zip(first, second, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(first), len(second)))


def _window(text: str, start: int) -> str:
    before = "…" if start else ""
    after = "…" if len(text) > start + _SHOWN else ""
    return f"{before}{text[start : start + _SHOWN]}{after}"
