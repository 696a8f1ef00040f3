"""Compares arms: plays what is missing, and prints what all of it came to."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from rich.console import Console
from rich.markup import escape
from rich.text import Text

from simctl.cli import plot, results
from simctl.cli.arms import parse_all
from simctl.cli.comparison import Comparison, rows, shown, shown_differences
from simctl.cli.errors import UserError
from simctl.cli.figures import count
from simctl.cli.formats import Format
from simctl.cli.keys import nearest
from simctl.cli.query import write
from simctl.cli.seeds import told
from simctl.cli.tables import console, table
from simctl.cli.trials import Trial, Trials, plan
from simctl.cli.troupe import play_all
from simctl.store.errors import StoreError

DIRECTORY = Path("runs/compare")
SEEDS = (0, 1, 2, 3, 4)


@dataclass(frozen=True)
class Manner:
    """How it is played and told."""

    jobs: int = 1
    format: Format = Format.table
    files: tuple[Path, ...] = ()  # of the plot


def compare(  # noqa: PLR0913 - what a command line may say
    words: Sequence[str],
    *,
    seeds: Sequence[int],
    tokens: int,
    metrics: Sequence[str],
    directory: Path | None,
    sets: Sequence[str],
    manner: Manner,
) -> int:
    """Play each arm with each seed, print how they compare, and return the exit code.

    Numbers among the `words` are further seeds: --seeds 0 1 2 gives them so.

    Raises:
        UserError: an arm, a metric or the directory is wrong.
    """
    names, chosen = told(words, seeds)
    arms = parse_all(names)
    place = directory or DIRECTORY / f"tokens-{tokens}"
    trials = plan(arms, chosen or SEEDS, tokens, place, sets)
    for metric in metrics:
        check_metric(trials, metric, sets)
    played = play(trials, manner.jobs)
    comparison = Comparison(arms, tokens, tuple(metrics), read(trials, played))
    tell(comparison, manner)
    return played.code


@dataclass(frozen=True)
class Played:
    """How the playing ended: which trials have no result, and the exit code that this gives."""

    missing: frozenset[Path]
    code: int


def play(trials: Trials, jobs: int) -> Played:
    """Play what is missing; say on standard error how each run ended."""
    screen = console(sys.stderr)
    left = [each for each in trials.all if not _has_result(each)]
    done = len(trials.all) - len(left)

    def say(text: str) -> None:
        nonlocal done
        done += 1
        screen.print(f"{done} of {len(trials.all)}  {text}", markup=False, highlight=False)

    if play_all(left, jobs, say):
        again = "finished runs are kept; the same command goes on with the rest"
        screen.print(f"interrupted: {again}", markup=False, highlight=False)
    missing = frozenset(each.run_dir for each in left if not _has_result(each))
    return Played(missing, 1 if missing else 0)


def _has_result(trial: Trial) -> bool:
    """Tell whether a trial is finished; of one that cannot be read its player says why."""
    try:
        return trial.is_finished()
    except StoreError:
        return False


def read(
    trials: Trials, played: Played, asked: Mapping[str, str] | None = None
) -> dict[str, dict[int, results.Result]]:
    """Return what the finished runs came to, by arm and seed."""
    return {
        arm.name: {
            each.seed: results.read(each.run_dir, dict(asked or {}))
            for each in trials.of(arm)
            if each.run_dir not in played.missing
        }
        for arm in trials.arms
    }


def check_metric(trials: Trials, metric: str, sets: Sequence[str] = ()) -> None:
    """Refuse a metric that no run can have, before anything is played.

    Raises:
        UserError: it is not written SUITE/SCORE, or an arm has no such suite.
    """
    suite, slash, score = metric.partition("/")
    if not (suite and slash and score):
        raise UserError(f"metric {metric} is not written SUITE/SCORE, as in targets/sampled")
    for arm in trials.arms:
        recipe = arm.load(trials.seeds[0], trials.tokens, sets)
        names = [each.name for each in recipe.suite]
        if suite not in names:
            there = ", ".join(nearest(suite, names)) or "none"
            raise UserError(f"metric {metric}: {arm.name} has no suite {suite}; there are: {there}")


def tell(comparison: Comparison, manner: Manner) -> None:
    """Print a comparison, and draw it if that is wanted."""
    if not any(comparison.results.values()):
        return
    if manner.format in {Format.table, Format.markdown}:
        _tell_people(comparison, manner.format)
    else:
        write(pa.Table.from_pylist(rows(comparison)), manner.format, None)
    if manner.files:
        draw(comparison, manner.files)


def draw(comparison: Comparison, files: Sequence[Path], title: str = "") -> None:
    """Draw the first metric of a comparison."""
    metric = comparison.metrics[0]
    lines = [
        plot.Line(arm.name, list(comparison.curves(arm.name, metric).values()))
        for arm in comparison.arms
    ]
    plot.draw(lines, comparison.tokens, files, title=title, score=metric)


def _tell_people(comparison: Comparison, format_: Format) -> None:
    screen = console()
    print_rows(screen, shown(comparison), format_)
    if len(comparison.arms) > 1:
        screen.print()
        print_rows(screen, shown_differences(comparison), format_)
    if format_ is Format.table:
        screen.print(
            f"\nmedian (range) over seeds at {count(comparison.tokens)} tokens; differences: mean "
            "over paired seeds [95 % interval, Student's t]",
            style="dim",
            highlight=False,
        )
    for sentence in comparison.short():
        screen.print(f"\n{sentence}", style="yellow", markup=False, highlight=False)


def print_rows(screen: Console, found: Sequence[Mapping[str, Any]], format_: Format) -> None:
    """Print rows of text as a table, or as one in Markdown."""
    if format_ is Format.markdown:
        write(pa.Table.from_pylist([dict(row) for row in found]), format_, None)
        return
    first, *others = found[0]
    made = table(escape(first), numbers=tuple(map(escape, others)))
    for row in found:
        made.add_row(*map(Text, row.values()))
    screen.print(made, highlight=False)
