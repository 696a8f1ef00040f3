"""The summary of a run: the curve, what each role earned, what it cost, and what to do next."""

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from simctl.cli.figures import count, duration, share, spark, trend
from simctl.cli.progress import Point, Progress
from simctl.cli.tables import table
from simctl.cli.words import STYLES

_MOST_ROWS = 14
_SCORES = ("greedy", "sampled")
_QUESTION = "select role, count(*), avg(reward) from grades group by role"


def summarise(console: Console, progress: Progress, run_dir: Path) -> None:
    """Print the summary of a run."""
    console.print()
    if progress.curves:
        console.print(
            "Held-out accuracy, greedy and sampled: the share of problems with every step right",
            style="bold",
        )
        console.print(curve(progress))
        console.print()
    if any(tally.rewards for tally in progress.roles.values()):
        console.print("Mean reward of each role, first round to last", style="bold")
        console.print(rewards(progress))
        console.print()
    for alarm in progress.alarms.values():
        console.print(
            f"! Alarm {alarm.name} since round {alarm.since}: {alarm.text}",
            style="red",
            soft_wrap=True,
            highlight=False,
        )
    console.print(
        f"{count(progress.tokens)} tokens sampled, {count(progress.events)} events, "
        f"{size(run_dir):.1f} MB in {run_dir}, {duration(progress.seconds)} of running",
        soft_wrap=True,
        highlight=False,
    )


def curve(progress: Progress) -> Table:
    """Return the held-out accuracies over versions, tokens and time."""
    shown = table(numbers=("policy", "tokens", "time"))
    for suite, points in progress.curves.items():
        more = _named(points)[len(_SCORES) :]
        shown.add_column(" ".join([suite, *more]), justify="right", no_wrap=True)
    for row in _some(_by_version(progress)):
        first = next(iter(row.values()))
        shown.add_row(
            f"v{first.version}",
            count(first.tokens),
            duration(first.seconds),
            *(_cell(row[suite]) if suite in row else "" for suite in progress.curves),
        )
    return shown


def rewards(progress: Progress) -> Table:
    """Return what each role earned at first and at last."""
    shown = table("role", numbers=("first", "last", "", "messages", "tokens"))
    for role, tally in progress.roles.items():
        means = tally.means()
        if tally.messages:
            shown.add_row(
                Text(role, STYLES[role]),
                share(means[0] if means else None),
                share(means[-1] if means else None),
                f"{spark(means, 16, top=1.0)} {trend(means)}" if means else "",
                count(tally.messages),
                count(tally.tokens),
            )
    return shown


def next_steps(run_dir: Path, *, finished: bool) -> Iterator[str]:
    """Give the commands that are worth trying now."""
    if not finished:
        yield f"simctl run --resume {run_dir}"
    yield f"simctl health {run_dir}"
    yield f"simctl query {run_dir} '{_QUESTION}'"
    yield f"simctl replay {run_dir} --episode e1.000"


def size(run_dir: Path) -> float:
    """Return the size of a run's log in megabytes."""
    return sum(file.stat().st_size for file in run_dir.glob("log.duckdb*")) / 1e6


def _named(points: list[Point]) -> list[str]:
    """Return the names of the scores, those that every suite has first."""
    names = dict.fromkeys(name for point in points for name in point.scores)
    return sorted(names, key=lambda name: name not in _SCORES)


def _cell(point: Point) -> str:
    return " ".join(share(point.scores[name]) for name in _named([point]))


def _by_version(progress: Progress) -> list[dict[str, Point]]:
    found: dict[int, dict[str, Point]] = {}
    for suite, points in progress.curves.items():
        for point in points:
            found.setdefault(point.version, {})[suite] = point
    return list(found.values())


def _some(rows: list[dict[str, Point]]) -> list[dict[str, Point]]:
    """Return rows evenly spread, with the first and the last."""
    if len(rows) <= _MOST_ROWS:
        return rows
    last = len(rows) - 1
    return [rows[round(at * last / (_MOST_ROWS - 1))] for at in range(_MOST_ROWS)]
