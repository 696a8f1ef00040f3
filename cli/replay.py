"""Replays a run's log: pure folds of it, printed for people."""

from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.text import Text

from simctl.bus.asks import ROLES
from simctl.bus.event import Event
from simctl.cli.errors import RunError
from simctl.cli.figures import count, share
from simctl.cli.keys import nearest
from simctl.cli.progress import Progress
from simctl.cli.recipe import Recipe, load
from simctl.cli.rounds import by_round
from simctl.cli.runs import RECIPE_FILE, find_run
from simctl.cli.state import State, fold
from simctl.cli.summary import curve
from simctl.cli.tables import console, pairs, table
from simctl.cli.transcript import transcript
from simctl.cli.words import STYLES
from simctl.store.access import open_log

_MOST_KINDS = 6


def replay(run: str | None, episode: str | None, until: int | None, runs_dir: Path) -> None:
    """Print an episode's transcript, or a run's rounds, and then the state.

    Raises:
        RunError: there is no such run or episode.
    """
    path = find_run(run, runs_dir)
    recipe = load(str(path / RECIPE_FILE))
    screen = console()
    with open_log(path) as log:
        events = list(log.read(until=until))
    if episode is None:
        _rounds(screen, events)
    else:
        _episode(screen, events, episode)
    _state(screen, fold(events, recipe.curriculum), path, recipe)


def _episode(screen: Console, events: list[Event], name: str) -> None:
    found = [event for event in events if event.episode == name]
    if not found:
        names = list(dict.fromkeys(event.episode for event in events if event.episode))
        shown = f"{names[0]} to {names[-1]}, such as {nearest(name, names)[0]}" if names else "none"
        raise RunError(f"there is no episode {name} in {len(events)} events; there are {shown}")
    screen.print(transcript(found))


def _rounds(screen: Console, events: list[Event]) -> None:
    shown = table(numbers=("round", "episodes", "invalid", "failed", "level"))
    for role in ROLES:
        shown.add_column(Text(role, STYLES[role]), justify="right", no_wrap=True)
    shown.add_column("tokens", justify="right")
    shown.add_column("loss", justify="right")
    for each in by_round(events):
        shown.add_row(
            str(each.number),
            str(sum(each.outcomes.values())),
            str(each.outcomes.get("invalid_task", 0)),
            str(each.outcomes.get("failed", 0)),
            "-" if each.difficulty is None else f"{each.difficulty:.1f}",
            *(share(each.reward(role)) for role in ROLES),
            count(each.tokens),
            "-" if each.loss is None else f"{each.loss:.3f}",
        )
    screen.print("Rounds, with the mean difficulty of tasks and reward of each role", style="bold")
    screen.print(shown)
    progress = _progress(events)
    if progress.curves:
        screen.print("\nHeld-out accuracy, greedy and sampled", style="bold")
        screen.print(curve(progress))


def _progress(events: Iterable[Event]) -> Progress:
    progress = Progress()
    for event in events:
        progress.hear(event, event.wall_us / 1e6)
    return progress


def _state(screen: Console, state: State, path: Path, recipe: Recipe) -> None:
    most = sorted(state.kinds.items(), key=lambda each: -each[1])[:_MOST_KINDS]
    pool = state.curriculum.pool
    facts = pairs()
    facts.add_row("run", f"{path}, recipe {recipe.name}, seed {recipe.seed}")
    facts.add_row("events", f"{state.seq}: {', '.join(f'{kind} {n}' for kind, n in most)}, ...")
    facts.add_row("round", f"{state.round} with policy v{state.version}")
    facts.add_row("curriculum", f"{recipe.curriculum.kind}" + (f", pool {pool}" if pool else ""))
    facts.add_row("process", f"{state.incarnation}" + (", ended" if state.ended else ""))
    facts.add_row("chain", state.chain)
    facts.add_row("state", Text(state.hash, "bold"))
    screen.print("\nState after the last of these events", style="bold")
    screen.print(facts, highlight=False)
