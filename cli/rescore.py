"""Grades the solutions of a run once more; the grades that it has are kept."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import sqrt
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from simctl.cli.errors import RunError
from simctl.cli.figures import share
from simctl.cli.recipe import load
from simctl.cli.rescoring import READ, Rescore, draft, rescores
from simctl.cli.runs import RECIPE_FILE, find_run
from simctl.cli.tables import console, table
from simctl.cli.verifiers import verifier
from simctl.cli.words import STYLES
from simctl.store import address
from simctl.store.access import LOG
from simctl.store.database import insist
from simctl.store.duck import DuckLog
from simctl.store.said import Source, said

_COMMIT = 1000  # events written together
_PASSED = 0.5  # a reward from which on a solution counts as right
_EARLIER = """
SELECT payload ->> '$.verifier' AS verifier, epoch, count(*) AS number FROM events
WHERE kind = 'answer_rescored' GROUP BY ALL
"""


@dataclass
class Tally:
    """Rewards before and after, summed up."""

    number: int = 0
    flipped: int = 0
    before: float = 0.0
    after: float = 0.0
    _products: list[float] = field(default_factory=lambda: [0.0] * 3)

    def add(self, before: float, after: float) -> None:
        """Take in a pair of rewards."""
        self.number += 1
        self.flipped += (before >= _PASSED) != (after >= _PASSED)
        self.before += before
        self.after += after
        for at, product in enumerate((before * before, after * after, before * after)):
            self._products[at] += product

    @property
    def correlation(self) -> float | None:
        """Pearson's; None where one side is the same throughout."""
        squares, others, both = (each * self.number for each in self._products)
        spread = (squares - self.before**2) * (others - self.after**2)
        return (both - self.before * self.after) / sqrt(spread) if spread > 1e-9 else None  # noqa: PLR2004 - rounding


def rescore(run: str | None, name: str, runs_dir: Path) -> None:
    """Grade every solution of a run once more, write the grades, and print how they compare.

    Raises:
        UserError: there is no such run or verifier, or the run is live.
    """
    path = find_run(run, runs_dir)
    rule, grade = verifier(name, load(str(path / RECIPE_FILE)).environment())
    if address.find(path) is not None:
        raise RunError(f"run {path} is live: rescore it when it has ended")
    with DuckLog(path / LOG, run=path.name, opener=insist) as log:
        tallies: dict[str, Tally] = {}
        graded = list[Rescore]()  # nothing is written before every solution has its grade
        for each in rescores(said(log, READ), grade, rule):
            graded.append(each)
            tallies.setdefault(each.before.role, Tally()).add(each.before.reward, each.after.reward)
        written = _write(log, graded, rule)
    _tell(console(), rule, len(graded), written, tallies)


def _write(log: DuckLog, graded: Sequence[Rescore], rule: str) -> int:
    """Append the grades that the log does not have of this verifier; return how many."""
    epoch, known = _place(log, rule)
    drafts = [draft(each, epoch, pseq) for pseq, each in enumerate(graded)][known:]
    for at in range(0, len(drafts), _COMMIT):
        log.submit(drafts[at : at + _COMMIT]).result()
    return len(drafts)


def _place(log: Source, rule: str) -> tuple[int, int]:
    """Return the epoch of this verifier's grades, and how many the log has of them."""
    earlier = log.query(_EARLIER).to_pylist()
    for row in earlier:
        if row["verifier"] == rule:
            return row["epoch"], row["number"]
    return len({row["epoch"] for row in earlier}), 0


def _tell(screen: Console, rule: str, graded: int, written: int, tallies: dict[str, Tally]) -> None:
    numbers = ("solutions", "mean before", "mean after", "flipped", "correlation")
    shown: Table = table("role", numbers=numbers)
    for role, tally in tallies.items():
        shown.add_row(
            Text(role, STYLES[role]),
            str(tally.number),
            share(tally.before / tally.number),
            share(tally.after / tally.number),
            str(tally.flipped),
            share(tally.correlation),
        )
    if tallies:
        screen.print(shown, highlight=False)
        screen.print()
    told = (
        f"{written} grades of {rule} were added"
        if written
        else f"nothing was added: the log has all {graded} grades of {rule} already"
    )
    screen.print(told, highlight=False, soft_wrap=True)
