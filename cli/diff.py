"""Compares two runs: where they part, and how they differ after it."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from simctl.bus.asks import ROLES
from simctl.bus.event import Event
from simctl.cli.errors import RunError
from simctl.cli.figures import share
from simctl.cli.policies import reader
from simctl.cli.runs import POLICIES, find_run
from simctl.cli.sides import sides
from simctl.cli.tables import console, table
from simctl.cli.toml import literal
from simctl.cli.words import STYLES
from simctl.store.access import open_log
from simctl.store.client import RemoteLog
from simctl.store.finished import FinishedLog
from simctl.store.parting import event_at, next_difference, shared
from simctl.store.policies import PolicyStore

_WIDTH = 60  # characters of a recipe's value
_KINDS = "SELECT kind AS name, count(*) AS value FROM events WHERE seq > {after} GROUP BY kind"
_REWARDS = """
SELECT role AS name, avg(reward) AS value FROM answer_graded WHERE seq > {after} GROUP BY role
"""
_COMMON = """
SELECT coalesce(max(round), 0) AS rounds, count(*) FILTER (kind = 'policy_updated') AS versions
FROM events WHERE seq <= {until}
"""
_RECIPE = """
SELECT payload ->> '$.recipe' AS recipe FROM events
WHERE kind IN ('run_started', 'run_forked') ORDER BY seq DESC LIMIT 1
"""


def diff(one: str, other: str, runs_dir: Path) -> int:
    """Print where two runs part, and a summary of what follows; return 1 if they do.

    Raises:
        RunError: there is no such run, or both are the same one.
    """
    first, second = find_run(one, runs_dir), find_run(other, runs_dir)
    if first.resolve() == second.resolve():
        raise RunError(f"{one} and {other} are one run: name two")
    names = (str(first), str(second)) if first.name == second.name else (first.name, second.name)
    with open_log(first) as ours, open_log(second) as theirs:
        comparison = _Comparison(
            _Side(names[0], first, ours, ours.last_seq),
            _Side(names[1], second, theirs, theirs.last_seq),
        )
        return comparison.tell(console())


@dataclass(frozen=True)
class _Side:
    """One of the runs, as far as it came by now."""

    name: str
    path: Path
    log: RemoteLog | FinishedLog
    last_seq: int

    def read(self, after: int = 0, until: int | None = None) -> Iterator[Event]:
        """Give its events."""
        return self.log.read(after, self.last_seq if until is None else until)

    def ask(self, sql: str) -> list[dict[str, Any]]:
        """Return the rows that answer a question about it."""
        rows: list[dict[str, Any]] = self.log.query(sql).to_pylist()
        return rows

    def recipe(self) -> dict[str, Any]:
        """Return the keys of the recipe that it goes by."""
        for row in self.ask(_RECIPE):
            return dict(_flat(tomllib.loads(row["recipe"]), ""))
        return {}


class _Comparison:
    """Two runs beside each other."""

    def __init__(self, one: _Side, other: _Side) -> None:
        self._sides = (one, other)
        self._names = (one.name, other.name)
        self._same = self._after = shared(one, other)

    def tell(self, screen: Console) -> int:
        """Print the comparison; return 1 if the runs differ."""
        one, other = self._sides
        if self._same == one.last_seq == other.last_seq:
            screen.print(f"equal: {self._words()}", highlight=False, soft_wrap=True)
            return 0
        for each in self._outcome():
            screen.print(each, highlight=False, soft_wrap=True)
        shown = {
            "Recipes": self._recipes(),
            f"Events after event {self._after}": self._counts(),
            f"Mean reward after event {self._after}": self._rewards(),
        }
        for title, each in shown.items():
            if each.row_count:
                screen.print(f"\n{title}", style="bold")
                screen.print(each, highlight=False)
        return 1

    def _words(self) -> str:
        """Say what the runs share."""
        [found] = self._sides[0].ask(_COMMON.format(until=self._same))
        return f"{self._same} events, {found['rounds']} rounds and {found['versions']} versions"

    def _outcome(self) -> Iterator[RenderableType]:
        """Give the lines that say where the runs part."""
        shorter, longer = sorted(self._sides, key=lambda side: side.last_seq)
        yield Text.assemble("they share ", (self._words(), "bold"))
        if self._same == shorter.last_seq:
            more = longer.last_seq - self._same
            yield Text(f"{shorter.name} ends there; {longer.name} goes on with {more} events")
            return
        yield from self._shown(self._same + 1, "they part at", "bold red")
        if self._same == 0:
            # another recipe or machine is another first event: what follows may still be the same
            following = next_difference(*self._sides, 1)
            if following is None:
                yield Text("\nafter it the same happened, as far as both go")
            else:
                self._after = following - 1
                yield Text()
                yield from self._shown(following, "the next that differs is", "bold")

    def _shown(self, seq: int, words: str, style: str) -> Iterator[RenderableType]:
        one, other = (event_at(side, seq) for side in self._sides)
        place = f", round {one.round}" if one else ""
        if one is not None and one.episode:
            place += f", episode {one.episode}"
        yield Text(f"{words} event {seq}{place}", style)
        yield sides(one, other, self._names, self._decode)

    def _recipes(self) -> Table:
        ours, theirs = (side.recipe() for side in self._sides)
        keys = [key for key in dict.fromkeys([*ours, *theirs]) if ours.get(key) != theirs.get(key)]
        shown = table("key", *self._names)
        for key in keys:
            shown.add_row(key, *(_value(each, key) for each in (ours, theirs)))
        return shown

    def _counts(self) -> Table:
        found = self._values(_KINDS)
        shown = table("kind", numbers=self._names)
        most = {kind: max(each.get(kind, 0) for each in found) for each in found for kind in each}
        for kind in sorted(most, key=lambda each: -most[each]):
            numbers = [each.get(kind, 0) for each in found]
            style = "" if len(set(numbers)) == 1 else "bold"
            shown.add_row(kind, *(Text(f"{number:.0f}", style) for number in numbers))
        return shown

    def _rewards(self) -> Table:
        found = self._values(_REWARDS)
        shown = table("role", numbers=self._names)
        for role in ROLES:
            if any(role in each for each in found):
                shown.add_row(Text(role, STYLES[role]), *(share(each.get(role)) for each in found))
        return shown

    def _values(self, sql: str) -> list[dict[str, float]]:
        """Return by name what a question about the events after the parting gives on each side."""
        asked = sql.format(after=self._after)
        return [{row["name"]: row["value"] for row in side.ask(asked)} for side in self._sides]

    def _decode(self, tokens: Sequence[int]) -> str:
        return reader(PolicyStore(self._sides[0].path / POLICIES).path(0))(tokens)


def _flat(fields: Mapping[str, Any], above: str) -> Iterator[tuple[str, Any]]:
    for name, value in fields.items():
        tables = value if isinstance(value, list) else [value]
        for at, each in enumerate(tables):
            key = f"{above}{name}" + (f"[{at + 1}]" if tables is value else "")
            if isinstance(each, dict):
                yield from _flat(each, f"{key}.")
            else:
                yield key, each


def _value(keys: Mapping[str, Any], key: str) -> str:
    return literal(keys[key])[:_WIDTH] if key in keys else "-"
