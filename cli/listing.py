"""Lists of what there is: runs, and recipes."""

import sys
from collections.abc import Sequence
from pathlib import Path

from rich.syntax import Syntax
from rich.text import Text

from simctl.cli import experiment
from simctl.cli.figures import count, share
from simctl.cli.recipe import explain, load, names
from simctl.cli.runs import Card, cards
from simctl.cli.tables import console, table

_STATES = {"live": "bold green", "finished": "green", "interrupted": "yellow"}


def list_runs(runs_dir: Path) -> None:
    """Print a table of the runs in a directory."""
    screen, found = console(), list(cards(runs_dir))
    if not found:
        screen.print(f"no run in {runs_dir} yet; begin one with: simctl run", highlight=False)
        return
    listed = table(
        "run", "recipe", "state", numbers=("seed", "round", "tokens", "greedy", "sampled")
    )
    if any(each.parent for each in found):
        listed.add_column("forked from", no_wrap=True)
    for each in found:
        listed.add_row(*_run(each), *([each.parent] if each.parent else []))
    screen.print(listed, highlight=False)


def list_recipes() -> None:
    """Print a table of the recipes in the package."""
    listed = table("recipe")
    listed.add_column("what happens")
    listed.add_column("after", style="dim")
    for name in names():
        recipe = load(name)
        listed.add_row(Text(name, "bold"), recipe.description, recipe.paper)
    screen = console()
    screen.print(listed, highlight=False)
    screen.print("\nsimctl recipes show NAME prints all keys of one", style="dim")


def list_experiments() -> None:
    """Print a table of the experiments in the package."""
    listed = table("experiment", "arms")
    listed.add_column("claim")
    for name in experiment.names():
        each = experiment.load(name)
        listed.add_row(Text(name, "bold"), str(len(each.played())), each.claim)
    console().print(listed, highlight=False)


def show_recipe(name: str, sets: Sequence[str]) -> None:
    """Print a recipe with the meaning of every key: a recipe again, when it is redirected."""
    text = explain(load(name, sets))
    screen = console()
    if screen.is_terminal:
        screen.print(
            Syntax(
                text.rstrip(), "toml", theme="ansi_dark", background_color="default", word_wrap=True
            )
        )
    else:
        sys.stdout.write(text)


def _run(card: Card) -> tuple[Text | str, ...]:
    scores = card.scores or {}
    return (
        card.path.name,
        card.recipe,
        Text(card.state, _STATES.get(card.state, "red")),
        str(card.seed),
        f"{card.round}/{card.rounds}",
        count(card.tokens),
        share(scores.get("greedy")),
        share(scores.get("sampled")),
    )
