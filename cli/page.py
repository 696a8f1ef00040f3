"""The page of a checkup: a verdict, what shows it, the course of the numbers, and the SQL."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from simctl.bus.asks import ROLES
from simctl.cli.checkup import Checkup, Trouble
from simctl.cli.diagnosis import Diagnosis, Finding
from simctl.cli.evidence import Sentence
from simctl.cli.figures import spark, trend
from simctl.cli.tables import table
from simctl.cli.words import STYLES

_WIDE = 100  # columns from which lines of text do not grow longer
_SPARK = 16
_TEN = 10  # from which a number needs one digit less
_INDENT = 2
_STEADY = 0.05  # of a number's largest value: no trend
_COURSES = (
    ("learning", (
        ("held-out {targets}, greedy", "eval/{targets}/greedy"),
        ("solve rate of own tasks", "solve_rate/mean"),
        ("tasks always solved", "solve_rate/100"),
        ("tasks never solved", "solve_rate/0"),
        ("groups with unequal rewards", "-frac_reward_zero_std/solver"),
        ("labels that are right", "labels/accuracy"),
    )),
    ("tasks", (
        ("valid", "tasks/valid"),
        ("nearly as an earlier one", "duplicates/archive"),
        ("new shingles", "tasks/distinct"),
        ("steps without a thought", "tasks/degenerate"),
        ("difficulty", "difficulty"),
        ("length in characters", "tasks/length"),
    )),
    ("episodes", (("errors", "errors"),)),
    *(
        (role, (
            ("reward", f"reward/{role}/mean"),
            ("entropy, in nats", f"entropy/{role}"),
            ("answer, in tokens", f"completions/{role}/mean_length"),
            ("cut off", f"completions/{role}/clipped_ratio"),
        ))
        for role in ROLES
    ),
)  # fmt: skip
# numbers whose alarm has another name
_ALARMS = {
    "tasks/valid": "valid",
    "duplicates/archive": "duplicates",
    "labels/accuracy": "label_accuracy",
    "eval/{targets}/greedy": "targets",
    "-frac_reward_zero_std/solver": "informative/solver",
    "difficulty": "growth/difficulty",
    **{f"tasks/{size}": f"growth/{size}" for size in ("degenerate", "length")},
    **{f"completions/{role}/mean_length": f"growth/{role}_length" for role in ROLES},
}


def show(screen: Console, path: Path, title: str, found: Checkup, diagnosis: Diagnosis) -> None:
    """Print the page."""
    width = min(screen.width, _WIDE)
    numbers: dict[str, int] = {}
    screen.print(Text(title, "dim"), soft_wrap=True)
    screen.print()
    mark = ("✓ ", "bold green") if diagnosis.healthy else ("✗ ", "bold red")
    screen.print(Text.assemble(mark, (diagnosis.verdict, "bold")), width=width)
    told = ""
    for each in diagnosis.findings[:1]:
        told = each.explanation.cause
        _cause(screen, each, width)
    for each in diagnosis.findings:
        _finding(screen, each, numbers, width)
        if each.explanation.cause != told:
            _cause(screen, each, width)
    _heading(screen, "What the log says" if diagnosis.healthy else "What else the log says", width)
    _sentences(screen, diagnosis.sentences, numbers, width)
    for past in diagnosis.past:
        screen.print(
            Padding(Text(f"{past}.", "yellow"), (0, 0, 0, _INDENT), expand=False), width=width
        )
    _heading(screen, "The course of the numbers", width)
    screen.print(_courses(found))
    _heading(screen, "The SQL behind each sentence", width)
    for sql, number in numbers.items():
        _question(screen, path, sql, number)


def _finding(screen: Console, finding: Finding, numbers: dict[str, int], width: int) -> None:
    alarm = finding.trouble
    text = f"Alarm {alarm.name}, round {alarm.raised}: {alarm.value:.3g} (bound {alarm.bound:.3g})"
    _heading(screen, text, width, "bold red")
    _sentences(screen, finding.sentences, numbers, width)


def _cause(screen: Console, finding: Finding, width: int) -> None:
    known = finding.explanation
    for label, text in (("Probably because", f"{known.cause}."), ("Try", known.remedy)):
        said = Text.assemble((f"{label}: ", "bold"), text)
        screen.print(Padding(said, (0, 0, 0, _INDENT), expand=False), width=width)


def _sentences(
    screen: Console, sentences: Sequence[Sentence], numbers: dict[str, int], width: int
) -> None:
    for each in sentences:
        number = numbers.setdefault(each.sql, len(numbers) + 1)
        said = Text.assemble(f"{each.text}. ", (f"[{number}]", "cyan"))
        screen.print(Padding(said, (0, 0, 0, _INDENT), expand=False), width=width)


def _heading(screen: Console, text: str, width: int, style: str = "bold") -> None:
    screen.print()
    screen.print(Rule(Text(text, style), align="left", style="dim"), width=width)


def _question(screen: Console, path: Path, sql: str, number: int) -> None:
    command = f'simctl query {shlex.quote(str(path))} "\n{sql}"'
    said = Text.assemble((f"[{number}]  ", "cyan"), (command, "default"))
    screen.print(said, soft_wrap=True, highlight=False)


def _courses(found: Checkup) -> Table:
    shown = table("", "", numbers=("first", "last"))
    shown.add_column("course", no_wrap=True)
    shown.add_column("", no_wrap=True)
    present = {each.name: each for each in found.present}
    for group, numbers in _COURSES:
        label = Text(group, STYLES.get(group, "bold"))
        for words, name in numbers:
            course = _course(found, name)
            if any(course):
                alarm = present.get(_ALARMS.get(name, name))
                told = words.format(targets=found.levels.targets)
                shown.add_row(label, told, *_cells(course, alarm), style="red" if alarm else "")
                label = Text("")
    return shown


def _course(found: Checkup, name: str) -> list[float]:
    told = found.course(name.format(targets=found.levels.targets).removeprefix("-"))
    return [1 - value for value in told] if name.startswith("-") else told


def _cells(course: Sequence[float], alarm: Trouble | None) -> tuple[str, str, str, str]:
    top = max(*course, 1e-9)
    arrow = trend([value / top for value in course], _STEADY)
    mark = f"! round {alarm.since}, bound {alarm.bound:.2g}" if alarm else ""
    return _figure(course[0]), _figure(course[-1]), f"{spark(course, _SPARK)} {arrow}", mark


def _figure(value: float) -> str:
    return f"{value:.2f}" if value < _TEN else f"{value:.1f}"
