"""Two runs side by side, as a page shows them."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from simctl.bus.event import Event
from simctl.cli.apart import Apart, Parting, beside
from simctl.cli.opening import Opener
from simctl.cli.serve.reading import message, piece_reader
from simctl.store.difference import differences


def differing(paths: Sequence[Path], names: Sequence[str], opener: Opener) -> dict[str, Any]:
    """Return where two runs part, how their recipes differ, and what follows in numbers.

    Raises:
        RunError: both are the same one.
    """
    (first, second), (one, other) = paths, names
    with ExitStack() as stack:
        found = beside(first, second, (one, other), stack, opener)
        return {"equal": found.equal, "same": found.same, **found.common, **_apart(found)}


def _apart(found: Apart) -> dict[str, Any]:
    decode = piece_reader(found.sides[0].path)
    kinds, rewards = found.kinds, found.rewards
    return {
        "last": [side.last_seq for side in found.sides],
        "partings": [_parting(each, decode) for each in found.partings],
        "recipes": [[key, *values] for key, values in found.recipes.items()],
        "kinds": _paired(kinds),
        "rewards": _paired(rewards),
    }


def _parting(parting: Parting, decode: Callable[[int], str]) -> dict[str, Any]:
    one, other = parting.one, parting.other
    fields = differences(one, other) if one is not None and other is not None else []
    return {
        "seq": parting.seq,
        "events": [_side(one, decode), _side(other, decode)],
        "fields": [[each.field, str(each.one), str(each.other)] for each in fields],
    }


def _side(event: Event | None, decode: Callable[[int], str]) -> dict[str, Any] | None:
    return None if event is None else message(event, decode)


def _paired(values: tuple[dict[str, float], dict[str, float]]) -> list[list[Any]]:
    one, other = values
    return [[name, one.get(name), other.get(name)] for name in dict.fromkeys([*one, *other])]
