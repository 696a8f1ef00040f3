"""Sides: two events where one was due, with the fields in which they differ."""

from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from simctl.bus.event import Event
from simctl.cli.marks import marked
from simctl.cli.words import STYLES, words
from simctl.store.difference import Difference, differences

_MOST_FIELDS = 8
_TEXTS = {"prompt_tokens": "prompt", "answer_tokens": "answer"}

Decode = Callable[[Sequence[int]], str]


def sides(
    one: Event | None, other: Event | None, names: tuple[str, str], decode: Decode
) -> RenderableType:
    """Return what two logs have at one place; `names` say which is which."""
    heads = [_head(event, name) for event, name in zip((one, other), names, strict=True)]
    if one is None or other is None:
        return Group(*heads)
    found = differences(one, other)
    shown = Table.grid(padding=(0, 2))
    for style in ("bold", "dim", ""):
        shown.add_column(style=style, no_wrap=True)
    for each in found[:_MOST_FIELDS]:
        _add(shown, each, names, decode)
    more = len(found) - _MOST_FIELDS
    rest = [Text(f"and {more} more fields", "dim")] if more > 0 else []
    return Group(*heads, Text(), shown, *rest)


def _head(event: Event | None, name: str) -> Text:
    if event is None:
        return Text.assemble((f"{name:<8} ", "dim"), ("nothing", "italic"))
    said = words(event.message)
    return Text.assemble(
        (f"{name:<8} ", "dim"),
        (event.sender, STYLES.get(event.sender, "bold")),
        f" {event.kind}",
        (f"  {said}" if said else "", ""),
    )


def _add(shown: Table, each: Difference, names: tuple[str, str], decode: Decode) -> None:
    name, one, other = each.field, each.one, each.other
    if name in _TEXTS and one is not None and other is not None:
        name, one, other = _TEXTS[name], decode(one), decode(other)
    elif name == "logprobs":
        one, other = _apart(one, other), ""
    first, second, carets = marked(one, other)
    shown.add_row(name, names[0], first)
    if each.field != "logprobs":
        shown.add_row("", names[1], second)
        shown.add_row("", "", carets)


def _apart(one: Any, other: Any) -> str:
    """Return in words how far two series of log-probabilities are from each other."""
    if one is None or other is None or len(one) != len(other):
        return f"{len(one or ())} and {len(other or ())} numbers"
    gaps = [abs(a - b) for a, b in zip(one, other, strict=True)]
    return f"{sum(gap > 0 for gap in gaps)} of {len(gaps)} differ, by up to {max(gaps):.3g} nats"
