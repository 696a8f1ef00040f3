"""Runs on disk: finding them, naming new ones, and telling the state that each is in."""

import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simctl.bus.messages import OUTSIDE
from simctl.cli.errors import RunError
from simctl.cli.keys import nearest
from simctl.cli.opening import Opener
from simctl.cli.recipe import Recipe, load, parse
from simctl.store import address
from simctl.store.access import LOG, open_log
from simctl.store.client import RemoteLog
from simctl.store.errors import StoreError
from simctl.store.finished import FinishedLog
from simctl.store.origins import origins

RECIPE_FILE, POLICIES = "run.toml", "policies"

_FACTS = f"""
SELECT (SELECT coalesce(max(round), 0) FROM round_ended) AS round,
    (SELECT kind FROM events WHERE kind NOT IN {OUTSIDE} ORDER BY seq DESC LIMIT 1)
        AS last_kind,
    (SELECT reason FROM run_ended ORDER BY seq DESC LIMIT 1) AS reason,
    (SELECT coalesce(sum(sampled_tokens), 0)::BIGINT FROM tokens_by_role) AS tokens,
    (SELECT (payload ->> '$.parent') || ' @ ' || (payload ->> '$.at') FROM events
        WHERE kind = 'run_forked' ORDER BY seq DESC LIMIT 1) AS parent
"""  # noqa: S608 - kinds of our own
_LAST_TURN = """
SELECT payload ->> '$.reason' AS reason FROM events
WHERE kind IN ('run_started', 'run_resumed', 'run_forked', 'run_ended') AND seq <= {}
ORDER BY seq DESC LIMIT 1
"""
_SCORES = """
SELECT score_name, arg_max(score, evaluated) AS score FROM learning_curve
WHERE suite = (SELECT suite FROM learning_curve ORDER BY evaluated LIMIT 1)
GROUP BY score_name
"""


class TakenError(RunError):
    """Another process made a run in the same place."""


@dataclass(frozen=True)
class Card:
    """What `simctl runs` tells of a run."""

    path: Path
    recipe: str
    seed: int
    rounds: int  # that are wanted
    state: str
    round: int = 0  # that ended last
    tokens: int = 0
    scores: dict[str, float] | None = None  # of the first suite
    parent: str = ""  # the run that it left, and after which event


def all_runs(runs_dir: Path) -> list[Path]:
    """Return the runs in a directory, the one that was written last first."""
    if not runs_dir.is_dir():
        return []
    # a hidden one is still being made
    shown = (path for path in runs_dir.iterdir() if not path.name.startswith("."))
    return sorted(filter(is_run, shown), key=_written, reverse=True)


def is_run(path: Path) -> bool:
    """Tell whether a directory is that of a run."""
    return (path / RECIPE_FILE).is_file() or (path / LOG).is_file()


def find_run(name: str | None, runs_dir: Path) -> Path:
    """Return the directory of a run by its path or its name; without one, of the newest.

    Raises:
        RunError: there is none.
    """
    known = all_runs(runs_dir)
    if name is None:
        if not known:
            raise RunError(f"there is no run in {runs_dir} yet; begin one with: simctl run")
        return known[0]
    for path in (Path(name), runs_dir / name):
        if is_run(path):
            return path
    names = nearest(Path(name).name, [path.name for path in known])
    there = f"the runs in {runs_dir} are: {', '.join(names)}" if names else f"{runs_dir} has none"
    what = "is no run" if Path(name).exists() else "does not exist"
    raise RunError(f"run {name} {what}; {there}")


def new_run(run_dir: Path | None, runs_dir: Path, recipe: str) -> Path:
    """Return a directory that is not there yet: the given one, or the next number of a recipe.

    Raises:
        RunError: the given one exists.
    """
    if run_dir is not None:
        if run_dir.exists():
            go_on = f", or go on with it: simctl run --resume {run_dir}" if is_run(run_dir) else ""
            raise RunError(f"{run_dir} exists, and a run overwrites nothing; name another{go_on}")
        return run_dir
    number = 1
    while (runs_dir / f"{recipe}-{number:03d}").exists():
        number += 1
    return runs_dir / f"{recipe}-{number:03d}"


def claim(run_dir: Path | None, runs_dir: Path, recipe: str, make: Callable[[Path], None]) -> Path:
    """Let `make` make a new run, and return where; others may take numbers at the same time.

    Raises:
        RunError: the given directory exists.
    """
    while True:
        free = new_run(run_dir, runs_dir, recipe)
        try:
            make(free)
        except TakenError:  # somebody was quicker, so that number is not free any more
            continue
        return free


def cards(runs_dir: Path) -> Iterator[Card]:
    """Give what there is to tell of every run, the newest first."""
    return (card(path) for path in all_runs(runs_dir))


def card(path: Path, opener: Opener = open_log, *, scored: bool = True) -> Card:
    """Return what there is to tell of a run; a damaged one is told as such.

    Its scores take longest by far, and may be left out.
    """
    wanted = _recipe(path)
    name, seed = str(wanted.get("name", "?")), int(wanted.get("seed", 0))
    rounds = int(wanted.get("run", {}).get("rounds", 0))
    live = address.find(path) is not None
    try:
        with opener(path) as log:
            [facts] = log.query(_FACTS).to_pylist()
            rows = log.query(_SCORES).to_pylist() if scored else []
    except StoreError as error:
        return Card(path, name, seed, rounds, state=f"unreadable: {error}")
    scores = {row["score_name"]: row["score"] for row in rows}
    state = "live" if live else _state(facts)
    return Card(
        path,
        name,
        seed,
        rounds,
        state,
        facts["round"],
        facts["tokens"],
        scores or None,
        facts["parent"] or "",
    )


def is_finished(log: RemoteLog | FinishedLog, until: int | None = None) -> bool:
    """Tell whether a run, up to seq `until`, came to its end and has not gone on."""
    until = log.last_seq if until is None else until
    return bool(log.query(_LAST_TURN.format(until)).to_pylist() == [{"reason": "finished"}])


def in_force(path: Path, log: RemoteLog | FinishedLog, last: int | None = None) -> Recipe:
    """Return the recipe after event `last`; before the first, the one of the directory."""
    for begun in origins(log, last)[-1:]:
        return parse(f"recipe of {path}", begun.recipe)
    return load(str(path / RECIPE_FILE))


def _state(facts: dict[str, Any]) -> str:
    match facts["last_kind"]:
        case "run_ended":
            return str(facts["reason"])
        case "run_forked":
            return "not begun"
        case _:
            return "broken off"


def _recipe(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads((path / RECIPE_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _written(path: Path) -> float:
    return max((file.stat().st_mtime for file in path.iterdir() if file.is_file()), default=0.0)
