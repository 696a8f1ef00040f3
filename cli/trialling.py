"""Puts an experiment to the test: plays what is missing, and says what became of its claim."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from simctl.cli import compare, experiment
from simctl.cli.comparison import Comparison, bounds, shown, told
from simctl.cli.experiment import Experiment
from simctl.cli.figures import count
from simctl.cli.formats import Format
from simctl.cli.judge import Scores, Verdict, judge
from simctl.cli.plot import files
from simctl.cli.tables import console, pairs, table
from simctl.cli.trials import plan

DIRECTORY = Path("runs/experiments")
_STYLES = {"confirmed": "bold green", "refuted": "bold red", "inconclusive": "bold yellow"}


def put_to_test(  # noqa: PLR0913 - what a command line may say
    name: str,
    *,
    jobs: int,
    seeds: Sequence[int],
    tokens: int | None,
    directory: Path | None,
    out: Path | None,
) -> int:
    """Play an experiment, print its verdict, draw its plot, and return the exit code.

    Raises:
        UserError: there is no such experiment, or something else is where its runs would be.
    """
    asked = experiment.load(name)
    chosen = asked.model_copy(
        update={"seeds": tuple(seeds) or asked.seeds, "tokens": tokens or asked.tokens}
    )
    place = directory or DIRECTORY / f"{asked.runs or asked.name}-{chosen.tokens}"
    trials = plan(chosen.played(), chosen.seeds, chosen.tokens, place, ())
    if not chosen.sql:
        compare.check_metric(trials, chosen.metric)
    drawn = files(out or place / asked.name)
    played = compare.play(trials, jobs)
    sql = {chosen.metric: chosen.sql} if chosen.sql else {}
    results = compare.read(trials, played, sql)
    comparison = Comparison(trials.arms, chosen.tokens, (chosen.metric,), results)
    screen = console()
    if any(results.values()):
        _tell(screen, chosen, comparison)
        compare.draw(comparison, drawn, title=chosen.title)
        screen.print(f"\nplot: {', '.join(map(str, drawn))}", markup=False, highlight=False)
    if chosen.tokens != asked.tokens:
        screen.print(f"at {count(chosen.tokens)} tokens, not the {count(asked.tokens)} of its file")
    return played.code


def verdict(asked: Experiment, comparison: Comparison) -> Verdict:
    """Return what the runs say of an experiment's claim.

    Where a run ended before it had spent the budget the arms are not at equal cost, so nothing
    is concluded.
    """
    found = judge(asked.compare, scores(asked, comparison))
    short = comparison.short()
    if short and found.word != "inconclusive":
        return replace(found, word="inconclusive", reason=f"not at one budget: {short[0]}")
    return found


def scores(asked: Experiment, comparison: Comparison) -> Scores:
    """Return what each arm came to by seed, so that more is better."""
    measure = comparison.scores if asked.measure == "final" else comparison.areas
    sign = 1 if asked.good == "high" else -1
    found: dict[str, Mapping[int, float]] = {}
    for arm in comparison.arms:
        measured = measure(arm.name, asked.metric)
        found[arm.name] = {seed: sign * score for seed, score in measured.items()}
    return found


def _tell(screen: Console, asked: Experiment, comparison: Comparison) -> None:
    found = verdict(asked, comparison)
    head = pairs()
    head.add_row("experiment", f"{asked.name}: {asked.title}")
    head.add_row("finding", asked.finding)
    head.add_row("claim", asked.claim)
    what = "at the budget" if asked.measure == "final" else "area under the curve"
    better = "more" if asked.good == "high" else "less"
    head.add_row("measure", f"{asked.metric}, {what}; {better} is better")
    screen.print(head, highlight=False)
    screen.print()
    compare.print_rows(screen, shown(comparison), Format.table)
    screen.print()
    screen.print(_duels(found), highlight=False)
    screen.print()
    line = Text(found.word, _STYLES[found.word])
    screen.print(line + Text(f": {found.reason}" if found.reason else ""), highlight=False)
    for sentence in comparison.short():
        screen.print(sentence, style="yellow", markup=False, highlight=False)


def _duels(found: Verdict) -> Table:
    several = len(found.duels) > 1
    wide = f"[{100 * found.wide:.3f} %]"
    made = table("better", "worse", numbers=("by [95 %]", *([wide] if several else [])))
    for each in found.duels:
        more = [bounds(each.wide)] if several else []
        made.add_row(*map(Text, (each.better, each.worse, told(each.difference), *more)))
    return made
