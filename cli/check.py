"""Checks a run, and prints what was found."""

from pathlib import Path

from rich.text import Text

from simctl.cli.runs import find_run
from simctl.cli.tables import console, pairs
from simctl.store.check import check
from simctl.store.findings import REPAIR, Finding

_MARKS = {"whole": ("✓ ", "green"), "damaged": ("✗ ", "red"), "unknown": ("? ", "yellow")}


def check_run(run: str | None, runs_dir: Path) -> int:
    """Print what a check of a run finds; return 1 if something is damaged.

    Raises:
        RunError: there is no such run.
    """
    path = find_run(run, runs_dir)
    screen = console()
    with screen.status(f"reading {path}"):
        found = list(check(path))
    shown = pairs()
    for each in found:
        sign, style = _MARKS[each.verdict]
        shown.add_row(Text(sign, style).append(each.name, "bold"), each.text)
    screen.print(shown, highlight=False, soft_wrap=True)
    screen.print()
    bad = [each for each in found if each.verdict == "damaged"]
    screen.print(_verdict(path, bad), highlight=False, soft_wrap=True)
    return 1 if bad else 0


def _verdict(path: Path, bad: list[Finding]) -> Text:
    if not bad:
        return Text(f"{path} is whole", "green")
    seqs = [each.seq for each in bad if each.seq is not None]
    first = f", from event {min(seqs)} on" if seqs else ""
    said = Text(f"{path} is damaged{first}", "red")
    for remedy in dict.fromkeys(each.remedy for each in bad):
        said.append(f"\n  {remedy} {path}" if remedy == REPAIR else f"\n  {remedy}", "cyan")
    return said
