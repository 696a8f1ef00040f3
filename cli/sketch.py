"""A sketch of runs: what their figure shows, in the characters of a terminal."""

from collections.abc import Callable, Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from simctl.bus.asks import ROLES
from simctl.cli.chart import Curve, chart
from simctl.cli.figures import count, duration, share, spark, trend
from simctl.cli.portrait import Portrait, Score, binned
from simctl.cli.tables import table
from simctl.cli.words import STYLES

_MOST = 120  # columns that a sketch has at most
_WIDE = 96  # columns from which two charts stand side by side
_HEIGHT, _GAP = 9, 3  # of a chart in rows, and between two in columns
_LINES = ("cyan", "yellow", "green", "magenta", "blue", "red", "white")
_SHADES = " ░▒▓█"
_SPARK, _LABEL = 24, 8  # columns
_BANDS = (("always", 8, 9), ("often", 5, 8), ("half", 4, 5), ("seldom", 1, 4), ("never", 0, 1))
_DIVERSITY = (
    ("distinct shingles", "tasks/distinct"),
    ("like an earlier task", "duplicates/archive"),
)


def sketch(portraits: Sequence[Portrait], scores: Sequence[str], width: int) -> Group:
    """Return runs, with these held-out scores, for a terminal of so many columns."""
    width = min(width, _MOST)
    parts: list[RenderableType] = []
    if scores:
        parts += [_heading("Held-out accuracy"), *_accuracy(portraits, scores, width), Text()]
    if any(_roles(each) for each in portraits):
        parts += [_heading("Reward and entropy of each role, first round to last")]
        parts += [_courses(portraits), Text()]
    for each in portraits:
        if each.solves:
            whose = f", {each.name}" if len(portraits) > 1 else ""
            parts += [_heading(f"How often the tasks of a round are solved{whose}")]
            parts += [_histogram(each, width), Text()]
    if any(name in each.courses for each in portraits for _, name in _DIVERSITY):
        parts += [_heading("How much the tasks differ, first round to last"), _diversity(portraits)]
    return Group(*parts)


def _heading(text: str) -> Text:
    return Text(text, "bold")


def _accuracy(
    portraits: Sequence[Portrait], scores: Sequence[str], width: int
) -> Iterator[RenderableType]:
    lines = [(each, name) for each in portraits for name in scores if each.scores.get(name)]
    for at, (each, name) in enumerate(lines):
        whose = f"{each.name} " if len(portraits) > 1 else ""
        course = [point.score for point in each.scores[name]]
        yield Text.assemble(
            (f"● {whose}{name}", _style(at)),
            (f"  {share(course[0])} → ", "dim"),
            (share(course[-1]), "bold"),
        )
    columns = (width - _GAP) // 2 if width >= _WIDE else width
    known = [each.scores[name] for each, name in lines]
    tokens = _curves(known, lambda p: p.tokens, columns, lambda x: f"{count(x)} tokens")
    time = _curves(known, lambda p: p.seconds, columns, lambda x: f"{duration(x)} of running")
    if width < _WIDE:
        yield from (tokens, time)
        return
    both = Table.grid(padding=(0, _GAP, 0, 0))
    both.add_row(tokens, time)
    yield both


def _curves(
    known: Sequence[Sequence[Score]],
    of: Callable[[Score], float],
    columns: int,
    told: Callable[[float], str],
) -> Text:
    last = max((of(point) for points in known for point in points), default=0.0) or 1.0
    curves = [
        Curve([(of(point), point.score) for point in points], _style(at))
        for at, points in enumerate(known)
    ]
    return chart(curves[::-1], width=columns, height=_HEIGHT, last_x=last, end=told(last))


def _courses(portraits: Sequence[Portrait]) -> Table:
    several = len(portraits) > 1
    shown = table("role", *(["run"] if several else []), "reward", "", "entropy, in nats", "")
    for role in ROLES:
        label = Text(f"● {role}", STYLES[role])
        for at, each in enumerate(portraits):
            if role not in _roles(each):
                continue
            reward = list(each.courses.get(f"reward/{role}/mean", {}).values())
            entropy = list(each.courses.get(f"entropy/{role}", {}).values())
            run = [Text(each.name, _style(at))] if several else []
            style = _style(at) if several else STYLES[role]
            shown.add_row(label, *run, *_course(reward, style, 1.0), *_course(entropy, style, None))
            label = Text("")
    return shown


def _roles(portrait: Portrait) -> list[str]:
    names = ("reward/{}/mean", "entropy/{}")
    return [role for role in ROLES if any(n.format(role) in portrait.courses for n in names)]


def _course(values: Sequence[float], style: str, top: float | None) -> tuple[Text, Text]:
    """Return the ends of a course, and its line; without `top` it stands under its largest."""
    if not values:
        return Text("-", "dim"), Text("")
    ends = Text.assemble((f"{share(values[0]):>4} → ", "dim"), (f"{share(values[-1]):>4}", "bold"))
    highest = top or max(*values, 1e-9)
    arrow = trend([value / highest for value in values])
    line = spark(values, _SPARK, top=highest)
    return ends, Text.assemble((line, style), (f" {arrow}", "dim"))


def _histogram(portrait: Portrait, width: int) -> Text:
    """Return rounds from left to right, and how many of their tasks are solved how often."""
    _, shares = binned(portrait.solves, width - _LABEL - 1)
    stretch = max(1, min(3, (width - _LABEL - 1) // len(shares)))
    text = Text(no_wrap=True)
    for name, low, high in _BANDS:
        text.append(f"{name:>{_LABEL - 1}} ", "dim")
        for column in shares:
            text.append(_shade(sum(column[low:high])) * stretch, "cyan")
        text.append("\n")
    first, last = min(portrait.solves), max(portrait.solves)
    columns = stretch * len(shares)
    end = f"round {last}" if columns > _LABEL + len(str(last)) else ""
    text.append(f"{'':{_LABEL}}{first}{end:>{max(columns - len(str(first)), 0)}}\n", "dim")
    parts = ", ".join(f"{_SHADES[at]} {at / (len(_SHADES) - 1):.0%}" for at in (1, 2, 3, 4))
    return text.append(f"{'':{_LABEL}}of the tasks: {parts}", "dim")


def _shade(part: float) -> str:
    """Return a block as dark as a share; only nothing at all is blank."""
    last = len(_SHADES) - 1
    return _SHADES[max(round(part * last), 1 if part else 0)]


def _diversity(portraits: Sequence[Portrait]) -> Table:
    several = len(portraits) > 1
    shown = table("share of", *(["run"] if several else []), "", "")
    for title, name in _DIVERSITY:
        label = Text(title)
        for at, each in enumerate(portraits):
            if values := list(each.courses.get(name, {}).values()):
                run = [Text(each.name, _style(at))] if several else []
                shown.add_row(label, *run, *_course(values, _style(at), 1.0))
                label = Text("")
    return shown


def _style(at: int) -> str:
    return _LINES[at % len(_LINES)]
