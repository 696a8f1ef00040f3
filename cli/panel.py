"""The panel: a run's progress as one picture for a terminal."""

from pathlib import Path

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from simctl.bus.answers import RoleFailed
from simctl.cli.chart import Curve, chart
from simctl.cli.figures import count, duration, share, spark, trend
from simctl.cli.progress import Point, Progress, Tally
from simctl.cli.recipe import Recipe
from simctl.cli.words import STYLES, words

WIDE = 100  # columns from which the chart has room beside the scores
_CHART_WIDTH, _CHART_HEIGHT = 52, 8
_ARROWS = {"↗": "green", "↘": "red", "→": "dim"}
_SCORES = {"greedy": "bold cyan", "sampled": "bold green"}
_RECENT = 12  # rounds that an arrow looks at


def panel(progress: Progress, recipe: Recipe, run_dir: Path, width: int) -> Panel:
    """Return the whole picture."""
    title = Text.assemble(
        (" simctl ", "bold"), ("· ", "dim"), (recipe.name, "bold cyan"), (" · ", "dim"),
        f"seed {recipe.seed}", (f" · {recipe.apart}" if recipe.apart else "", "dim"),
        (" · ", "dim"), (f"{run_dir} ", "dim"),
    )  # fmt: skip
    body = Group(
        _head(progress, recipe),
        Text(),
        _scores(progress, recipe, width),
        Text(),
        _roles(progress),
        *(_warning(f"since round {a.since} {a.text}", "red") for a in progress.alarms.values()),
        *(_warning(each, "yellow") for each in progress.troubles[-2:]),
    )
    return Panel(body, title=title, title_align="left", border_style="dim", padding=(1, 2))


def _warning(text: str, style: str) -> Text:
    return Text(f"! {text}", style, no_wrap=True, overflow="ellipsis")


def _head(progress: Progress, recipe: Recipe) -> Table:
    """Return two lines: how far it is, and how fast it goes."""
    run = recipe.run
    done = progress.share_done(run.rounds, run.max_tokens)
    left = progress.seconds_left(run.rounds, run.max_tokens)
    bar = Table.grid(padding=(0, 2), expand=True)
    bar.add_column(no_wrap=True)
    bar.add_column(ratio=1)
    bar.add_column(no_wrap=True, justify="right")
    bar.add_row(
        Text.assemble(("round ", "dim"), (f"{progress.round}", "bold"), (f"/{run.rounds}", "dim")),
        ProgressBar(total=1.0, completed=done, complete_style="cyan", finished_style="green"),
        Text.assemble(
            f"{done:.0%}  {duration(progress.seconds)}",
            ("  left ", "dim"),
            (duration(left), "bold"),
        ),
    )
    events, tokens = progress.rates()
    style = "yellow" if progress.waiting else "italic cyan"
    line = Text(progress.waiting or progress.phase, style, no_wrap=True, overflow="ellipsis")
    for value, unit in (
        (f"v{progress.version}", "policy"),
        (count(tokens), "tokens/s"),
        (count(events), "events/s"),
        (count(progress.tokens), "tokens"),
        (count(progress.events), "events"),
    ):
        line.append_text(
            Text.assemble(
                (" · ", "dim"),
                (value, "not italic bold default"),
                (f" {unit}", "not italic dim default"),
            )
        )
    whole = Table.grid(expand=True)
    whole.add_row(bar)
    whole.add_row(line)
    return whole


def _scores(progress: Progress, recipe: Recipe, width: int) -> RenderableType:
    """Return the held-out scores: a table of all, with the curves of the first where they fit."""
    if width < WIDE:
        return _suites(progress, sparks=True)
    first = next(iter(progress.curves.values()), [])
    curves = [Curve(_course(first, name), style) for name, style in _SCORES.items()]
    drawn = chart(
        curves[::-1], width=_CHART_WIDTH, height=_CHART_HEIGHT, last_x=max(recipe.run.rounds, 1)
    )
    both = Table.grid(padding=(0, 3), expand=True)
    both.add_column(width=_CHART_WIDTH)
    both.add_column(ratio=1)
    both.add_row(drawn, _suites(progress, sparks=False))
    return both


def _suites(progress: Progress, *, sparks: bool) -> Table:
    table = Table(box=None, padding=(0, 1))
    table.add_column(Text("held-out", "dim"), no_wrap=True)
    for name, style in _SCORES.items():
        table.add_column(Text(f"● {name}", f"not bold {style}"), justify="right", no_wrap=True)
    for suite, points in progress.curves.items():
        courses = [[y for _, y in _course(points, name)] for name in _SCORES]
        cells = (
            _change(course, style, spark(course, 8, top=1.0) if sparks else "")
            for course, style in zip(courses, _SCORES.values(), strict=True)
        )
        table.add_row(suite, *cells)
    if not progress.curves:
        table.add_row(Text("not measured yet", "dim italic"))
    return table


def _change(course: list[float], style: str, drawn: str) -> Text:
    if not course:
        return Text("-", "dim")
    return Text.assemble(
        (f"{drawn} " if drawn else "", style.removeprefix("bold ")),
        (f"{share(course[0])} → ", "dim"),
        (share(course[-1]), style),
    )


def _course(points: list[Point], name: str) -> list[tuple[float, float]]:
    return [(point.version, point.scores[name]) for point in points if name in point.scores]


def _roles(progress: Progress) -> Table:
    table = Table(box=None, padding=(0, 1), header_style="dim", expand=True)
    table.add_column("role", no_wrap=True)
    for heading in ("messages", "tokens", "reward"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("trend", no_wrap=True)
    table.add_column("said last", no_wrap=True, overflow="ellipsis", ratio=1)
    spoken = {role: tally for role, tally in progress.roles.items() if tally.messages}
    for role, tally in spoken.items():
        table.add_row(*_role(role, tally))
    if not spoken:
        table.add_row(Text("nobody yet", "dim italic"))
    return table


def _role(role: str, tally: Tally) -> tuple[RenderableType, ...]:
    means = tally.means()
    arrow = trend(means[-_RECENT:])
    style = STYLES[role]
    return (
        Text(f"● {role}", style),
        count(tally.messages),
        count(tally.tokens),
        Text(share(means[-1] if means else None), "bold"),
        Text.assemble((f"{spark(means, 8, top=1.0):<8} ", style), (arrow, _ARROWS[arrow])),
        _last_words(tally),
    )


def _last_words(tally: Tally) -> Text:
    if tally.last is None:
        return Text("")
    message = tally.last.message
    return Text(words(message), "red" if isinstance(message, RoleFailed) else "dim")
