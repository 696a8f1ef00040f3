"""Prints how two runs differ: where they part, and what follows in numbers."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from simctl.bus.asks import ROLES
from simctl.cli.apart import Apart, Parting, beside
from simctl.cli.figures import share
from simctl.cli.policies import reader
from simctl.cli.runs import POLICIES, find_run
from simctl.cli.sides import sides
from simctl.cli.tables import console, table
from simctl.cli.toml import literal
from simctl.cli.words import STYLES
from simctl.store.policies import PolicyStore

_WIDTH = 60  # characters of a recipe's value


def diff(one: str, other: str, runs_dir: Path) -> int:
    """Print where two runs part, and a summary of what follows; return 1 if they do.

    Raises:
        RunError: there is no such run, or both are the same one.
    """
    first, second = find_run(one, runs_dir), find_run(other, runs_dir)
    names = (str(first), str(second)) if first.name == second.name else (first.name, second.name)
    with ExitStack() as stack:
        return _tell(beside(first, second, names, stack))


def _tell(found: Apart) -> int:
    screen = console()
    if found.equal:
        screen.print(f"equal: {_words(found)}", highlight=False, soft_wrap=True)
        return 0
    for each in _outcome(found):
        screen.print(each, highlight=False, soft_wrap=True)
    shown = {
        "Recipes": _recipes(found),
        f"Events after event {found.after}": _counts(found),
        f"Mean reward after event {found.after}": _rewards(found),
    }
    for title, each in shown.items():
        if each.row_count:
            screen.print(f"\n{title}", style="bold")
            screen.print(each, highlight=False)
    return 1


def _words(found: Apart) -> str:
    """Say what the runs share."""
    common = found.common
    return f"{found.same} events, {common['rounds']} rounds and {common['versions']} versions"


def _outcome(found: Apart) -> Iterator[RenderableType]:
    """Give the lines that say where the runs part."""
    yield Text.assemble("they share ", (_words(found), "bold"))
    if not found.partings:
        shorter, longer = sorted(found.sides, key=lambda side: side.last_seq)
        more = longer.last_seq - found.same
        yield Text(f"{shorter.name} ends there; {longer.name} goes on with {more} events")
        return
    first, *following = found.partings
    yield from _shown(found, first, "they part at", "bold red")
    for each in following:
        yield Text()
        yield from _shown(found, each, "the next that differs is", "bold")
    if found.same == 0 and not following:
        yield Text("\nafter it the same happened, as far as both go")


def _shown(found: Apart, parting: Parting, words: str, style: str) -> Iterator[RenderableType]:
    one = parting.one
    place = f", round {one.round}" if one else ""
    if one is not None and one.episode:
        place += f", episode {one.episode}"
    yield Text(f"{words} event {parting.seq}{place}", style)
    read = reader(PolicyStore(found.sides[0].path / POLICIES).path(0))
    yield sides(one, parting.other, _names(found), read)


def _recipes(found: Apart) -> Table:
    shown = table("key", *_names(found))
    for key, values in found.recipes.items():
        shown.add_row(key, *(_value(each) for each in values))
    return shown


def _counts(found: Apart) -> Table:
    kinds = found.kinds
    shown = table("kind", numbers=_names(found))
    most = {kind: max(each.get(kind, 0) for each in kinds) for each in kinds for kind in each}
    for kind in sorted(most, key=lambda each: -most[each]):
        numbers = [each.get(kind, 0) for each in kinds]
        style = "" if len(set(numbers)) == 1 else "bold"
        shown.add_row(kind, *(Text(f"{number:.0f}", style) for number in numbers))
    return shown


def _rewards(found: Apart) -> Table:
    rewards = found.rewards
    shown = table("role", numbers=_names(found))
    for role in ROLES:
        if any(role in each for each in rewards):
            shown.add_row(Text(role, STYLES[role]), *(share(each.get(role)) for each in rewards))
    return shown


def _names(found: Apart) -> tuple[str, str]:
    one, other = found.sides
    return one.name, other.name


def _value(value: Any) -> str:
    return "-" if value is None else literal(value)[:_WIDTH]
