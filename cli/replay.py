"""Replays a run's log: pure folds of it, printed for people."""

from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.text import Text

from simctl.bus.asks import ROLES
from simctl.bus.event import Event
from simctl.cli.cut import Log, end_of_round
from simctl.cli.errors import RunError
from simctl.cli.figures import count, share
from simctl.cli.progress import Progress
from simctl.cli.recipe import Recipe
from simctl.cli.rounds import Rounds
from simctl.cli.runs import find_run, in_force
from simctl.cli.state import Fold, State
from simctl.cli.summary import curve
from simctl.cli.tables import console, pairs, table
from simctl.cli.transcript import transcript
from simctl.cli.words import STYLES
from simctl.store.access import open_log
from simctl.store.rows import COLUMNS, to_events

_MOST_KINDS = 6
_SPAN = """
SELECT arg_min(episode, seq) AS first, arg_max(episode, seq) AS last FROM events
WHERE episode <> '' AND seq <= {}
"""


def replay(
    run: str | None, episode: str | None, until: int | None, round_: int | None, runs_dir: Path
) -> None:
    """Print an episode's transcript, or a run's rounds and the state after them.

    Raises:
        RunError: there is no such run or episode, or the round has not ended.
    """
    path, screen = find_run(run, runs_dir), console()
    with open_log(path) as log:
        last = log.last_seq if round_ is None else end_of_round(log, round_)
        last = last if until is None else min(until, last)
        if episode is None:
            _tell(screen, path, log.read(until=last), in_force(path, log, last))
        else:
            screen.print(transcript(_episode(log, episode, last)))


def _episode(log: Log, name: str, last: int) -> list[Event]:
    """Return the events of one episode; no other row is read."""
    quoted = name.replace("'", "''")
    where = f"episode = '{quoted}' AND seq <= {last}"
    rows = log.query(f"SELECT {COLUMNS} FROM events WHERE {where} ORDER BY seq")  # noqa: S608 - a literal with its quotes doubled
    if rows.num_rows:
        return to_events(rows)
    [span] = log.query(_SPAN.format(last)).to_pylist()
    there = f"there are {span['first']} to {span['last']}" if span["first"] else "there are none"
    raise RunError(f"there is no episode {name} in {last} events; {there}")


def _tell(screen: Console, path: Path, events: Iterable[Event], recipe: Recipe) -> None:
    """Hear every event once, and print what came of them all."""
    rounds, progress, state = Rounds(), Progress(), Fold(recipe)
    for event in events:
        rounds.hear(event)
        progress.hear(event, event.wall_us / 1e6)
        state.hear(event)
    _rounds(screen, rounds, progress)
    _state(screen, state.state(), path, recipe)


def _rounds(screen: Console, rounds: Rounds, progress: Progress) -> None:
    shown = table(numbers=("round", "episodes", "invalid", "failed", "level"))
    for role in ROLES:
        shown.add_column(Text(role, STYLES[role]), justify="right", no_wrap=True)
    shown.add_column("tokens", justify="right")
    copies = [role for role in ROLES if any(role in each.losses for each in rounds)]
    for whose in ("", *copies):
        shown.add_column(Text(f"{whose} loss".strip(), STYLES.get(whose, "")), justify="right")
    for each in rounds:
        shown.add_row(
            str(each.number),
            str(sum(each.outcomes.values())),
            str(each.outcomes.get("invalid_task", 0)),
            str(each.outcomes.get("failed", 0)),
            "-" if each.difficulty.mean is None else f"{each.difficulty.mean:.1f}",
            *(share(each.reward(role)) for role in ROLES),
            count(each.tokens),
            *(_loss(each.losses.get(whose)) for whose in ("", *copies)),
        )
    screen.print("Rounds, with the mean difficulty of tasks and reward of each role", style="bold")
    screen.print(shown)
    if progress.curves:
        screen.print("\nHeld-out accuracy, greedy and sampled", style="bold")
        screen.print(curve(progress))


def _loss(loss: float | None) -> str:
    return "-" if loss is None else f"{loss:.3f}"


def _state(screen: Console, state: State, path: Path, recipe: Recipe) -> None:
    most = sorted(state.kinds.items(), key=lambda each: -each[1])[:_MOST_KINDS]
    pool = state.curriculum.pool
    facts = pairs()
    facts.add_row("run", f"{path}, recipe {recipe.name}, seed {recipe.seed}")
    facts.add_row("events", f"{state.seq}: {', '.join(f'{kind} {n}' for kind, n in most)}, ...")
    facts.add_row("round", f"{state.round} with policy v{state.version}")
    if recipe.apart:
        facts.add_row("roles", recipe.apart)
    facts.add_row("curriculum", f"{recipe.curriculum.kind}" + (f", pool {pool}" if pool else ""))
    facts.add_row("process", f"{state.incarnation}" + (", ended" if state.ended else ""))
    facts.add_row("chain", state.chain)
    facts.add_row("state", Text(state.hash, "bold"))
    screen.print("\nState after the last of these events", style="bold")
    screen.print(facts, highlight=False)
