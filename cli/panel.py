"""The panel: a run's progress as one picture that fits into a terminal."""

from pathlib import Path

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from simctl.cli.chart import Curve, chart
from simctl.cli.figures import count, duration, share, spark, trend
from simctl.cli.progress import Point, Progress, Tally
from simctl.cli.recipe import Recipe
from simctl.cli.talk import crew_lines, exchange_lines, exchange_title
from simctl.cli.words import STYLES

WIDE = 100  # columns from which the chart has room beside the scores
_SIDES, _EDGES = 6, 3  # columns and rows for the frame, with a row for the cursor
_HEAD = 2  # rows
_SUITES_WIDTH, _CHART_GAP = 46, 3
_LEAST_CHART, _MOST_CHART = 5, 12  # rows
_AXIS = 2  # rows below a chart
_MOST_WARNINGS, _MOST_WORKERS = 3, 4
_TALL = 30  # rows from which each worker has one of its own
_LEAST_SAID = 3  # rows: with fewer there is no exchange to read
_FIGURES = 42  # columns of the roles' table beside its courses
_ARROWS = {"↗": "green", "↘": "red", "→": "dim"}
_SCORES = {"greedy": "bold cyan", "sampled": "bold green"}
_RECENT = 12  # rounds that an arrow looks at


class _Room:
    """The rows of a terminal that are still free."""

    def __init__(self, rows: int) -> None:
        self._rows = rows

    def take(self, wanted: int, least: int = 0) -> int:
        """Return as many rows as there are, up to `wanted`; none if there are not the least."""
        taken = max(min(wanted, self._rows), 0)
        taken = taken if taken >= least else 0
        self._rows -= taken
        return taken


def panel(progress: Progress, recipe: Recipe, run_dir: Path, width: int, height: int = 24) -> Panel:
    """Return the whole picture; what matters less is left out where the rows do not suffice."""
    room, inner = _Room(height - _EDGES), width - _SIDES
    warnings = _warnings(progress)
    roles, crew = _roles(progress, inner), progress.crew
    exchange = progress.exchanges.exchange
    room.take(_HEAD + roles.row_count + 1 + len(warnings))
    suites = room.take(1 + max(len(progress.curves), 1))
    workers = crew_lines(crew, room.take(_crew_rows(len(crew.members), height)))
    said = room.take(1 + len(exchange.sayings), _LEAST_SAID)
    sections = 2 + bool(workers) + bool(said) + bool(warnings)
    blanks = room.take(sections)
    wide = width >= WIDE
    grown = room.take(_LEAST_CHART + _AXIS + 1 - suites) if wide else 0
    padding = room.take(2, 2) // 2
    grown += room.take(_MOST_CHART - _LEAST_CHART - 1) if wide else 0
    said += room.take(len(exchange.sayings)) if said else 0
    parts: list[list[RenderableType]] = [
        [_head(progress, recipe)],
        [_scores(progress, recipe, inner, suites + grown - _AXIS if wide else 0)],
        [roles],
        list(workers),
        [exchange_title(exchange), exchange_lines(exchange, inner, said)] if said else [],
        list(warnings),
    ]
    return Panel(
        Group(*_spaced([part for part in parts if part], blanks)),
        title=_title(recipe, run_dir),
        title_align="left",
        border_style="dim",
        padding=(padding, 2),
    )


def _crew_rows(workers: int, height: int) -> int:
    return min(workers, _MOST_WORKERS if height >= _TALL else 1)


def _spaced(parts: list[list[RenderableType]], blanks: int) -> list[RenderableType]:
    """Return all parts, with so many of the gaps between them blank, the last ones first."""
    shown: list[RenderableType] = []
    for gaps, part in zip(range(len(parts) - 1, -1, -1), parts, strict=True):
        shown += part
        shown += [Text()] if 0 < gaps <= blanks else []
    return shown


def _title(recipe: Recipe, run_dir: Path) -> Text:
    return Text.assemble(
        (" simctl ", "bold"), ("· ", "dim"), (recipe.name, "bold cyan"), (" · ", "dim"),
        f"seed {recipe.seed}", (f" · {recipe.apart}" if recipe.apart else "", "dim"),
        (" · ", "dim"), (f"{run_dir} ", "dim"),
    )  # fmt: skip


def _warnings(progress: Progress) -> list[Text]:
    """Return the alarms that are on, then what went wrong last; as many as can be taken in."""
    alarms = [_warning(f"since round {a.since} {a.text}", "red") for a in progress.alarms.values()]
    troubles = [_warning(each, "yellow") for each in progress.troubles[-2:]]
    found = [*alarms, *troubles]
    if len(found) > _MOST_WARNINGS:
        hidden = len(found) - _MOST_WARNINGS + 1
        found[_MOST_WARNINGS - 1 :] = [_warning(f"and {hidden} more: simctl health tells", "red")]
    return found


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
        (count(progress.tokens), "tokens"),
        (count(events), "events/s"),
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


def _scores(progress: Progress, recipe: Recipe, width: int, rows: int) -> RenderableType:
    """Return the held-out scores: a table of all, with the curves of the first where they fit."""
    if rows < _LEAST_CHART:
        return _suites(progress, sparks=True)
    first = next(iter(progress.curves.values()), [])
    curves = [Curve(_course(first, name), style) for name, style in _SCORES.items()]
    columns = width - _SUITES_WIDTH - _CHART_GAP
    drawn = chart(curves[::-1], width=columns, height=rows, last_x=max(recipe.run.rounds, 1))
    both = Table.grid(padding=(0, _CHART_GAP), expand=True)
    both.add_column(width=columns)
    both.add_column(ratio=1)
    both.add_row(drawn, _suites(progress, sparks=False))
    return both


def _suites(progress: Progress, *, sparks: bool) -> Table:
    table = Table(box=None, padding=(0, 1), pad_edge=False)
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


def _roles(progress: Progress, width: int) -> Table:
    table = Table(box=None, padding=(0, 1), pad_edge=False, header_style="dim")
    table.add_column("role", no_wrap=True)
    for heading in ("messages", "tokens", "reward"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("by round", no_wrap=True)
    spoken = {role: tally for role, tally in progress.roles.items() if tally.messages}
    for role, tally in spoken.items():
        table.add_row(*_role(role, tally, max(width - _FIGURES, 8)))
    if not spoken:
        table.add_row(Text("nobody yet", "dim italic"))
    return table


def _role(role: str, tally: Tally, columns: int) -> tuple[RenderableType, ...]:
    means = tally.means()
    arrow = trend(means[-_RECENT:])
    style = STYLES[role]
    return (
        Text(f"● {role}", style),
        count(tally.messages),
        count(tally.tokens),
        Text.assemble((share(means[-1] if means else None), "bold"), (f" {arrow}", _ARROWS[arrow])),
        Text(spark(means, columns, top=1.0), style),
    )
