"""Two runs beside each other: how far they are one, and how they differ after it."""

import tomllib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from simctl.bus.event import Event
from simctl.cli.cut import Log
from simctl.cli.errors import RunError
from simctl.cli.opening import Opener
from simctl.store.access import open_log
from simctl.store.parting import event_at, next_difference, shared

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

Values = dict[str, float]


@dataclass(frozen=True)
class Side:
    """One of the runs, as far as it came by now."""

    name: str
    path: Path
    log: Log
    last_seq: int

    def read(self, after: int = 0, until: int | None = None) -> Iterator[Event]:
        """Give its events."""
        return self.log.read(after, self.last_seq if until is None else until)

    def ask(self, sql: str) -> list[dict[str, Any]]:
        """Return the rows that answer a question about it."""
        rows: list[dict[str, Any]] = self.log.query(sql).to_pylist()
        return rows

    @cached_property
    def recipe(self) -> dict[str, Any]:
        """The keys of the recipe that it goes by."""
        for row in self.ask(_RECIPE):
            return dict(_flat(tomllib.loads(row["recipe"]), ""))
        return {}


@dataclass(frozen=True)
class Parting:
    """Two different events at one place of two logs; where one has ended, it has none there."""

    seq: int
    one: Event | None
    other: Event | None


@dataclass
class Apart:
    """Two runs that share their first `same` events."""

    sides: tuple[Side, Side]
    same: int
    after: int  # what follows this event is compared by numbers
    partings: list[Parting] = field(default_factory=list)

    @classmethod
    def of(cls, one: Side, other: Side) -> Self:
        """Find where two runs part."""
        same = shared(one, other)
        found = cls((one, other), same, same)
        if same < min(one.last_seq, other.last_seq):
            found.partings.append(found._at(same + 1))
            if same == 0:
                found._begin_again()
        return found

    @property
    def equal(self) -> bool:
        """Whether both are one from beginning to end."""
        return all(side.last_seq == self.same for side in self.sides)

    @property
    def common(self) -> dict[str, int]:
        """How many rounds and versions they share."""
        [found] = self.sides[0].ask(_COMMON.format(until=self.same))
        return found

    @property
    def recipes(self) -> dict[str, tuple[Any, Any]]:
        """The keys in which their recipes differ; None where one has not that key."""
        ours, theirs = (side.recipe for side in self.sides)
        keys = dict.fromkeys([*ours, *theirs])
        both = {key: (ours.get(key), theirs.get(key)) for key in keys}
        return {key: values for key, values in both.items() if values[0] != values[1]}

    @property
    def kinds(self) -> tuple[Values, Values]:
        """How many events of each kind follow on either side."""
        return self._values(_KINDS)

    @property
    def rewards(self) -> tuple[Values, Values]:
        """The mean reward of each role in what follows."""
        return self._values(_REWARDS)

    def _begin_again(self) -> None:
        """Look past the first event: another recipe or machine need not change what follows."""
        following = next_difference(*self.sides, 1)
        if following is not None:
            self.after = following - 1
            self.partings.append(self._at(following))

    def _at(self, seq: int) -> Parting:
        one, other = (event_at(side, seq) for side in self.sides)
        return Parting(seq, one, other)

    def _values(self, sql: str) -> tuple[Values, Values]:
        asked = sql.format(after=self.after)
        one, other = ({row["name"]: row["value"] for row in each.ask(asked)} for each in self.sides)
        return one, other


def beside(
    one: Path,
    other: Path,
    names: tuple[str, str],
    stack: ExitStack,
    opener: Opener = open_log,
) -> Apart:
    """Compare two runs, whose logs stay open within `stack`.

    Raises:
        RunError: both are the same one.
    """
    if one.resolve() == other.resolve():
        raise RunError(f"{one} and {other} are one run: name two")
    logs = (stack.enter_context(opener(path)) for path in (one, other))
    ours, theirs = (
        Side(name, path, log, log.last_seq)
        for name, path, log in zip(names, (one, other), logs, strict=True)
    )
    return Apart.of(ours, theirs)


def _flat(fields: Mapping[str, Any], above: str) -> Iterator[tuple[str, Any]]:
    for name, value in fields.items():
        tables = value if isinstance(value, list) else [value]
        for at, each in enumerate(tables):
            key = f"{above}{name}" + (f"[{at + 1}]" if tables is value else "")
            if isinstance(each, dict):
                yield from _flat(each, f"{key}.")
            else:
                yield key, each
