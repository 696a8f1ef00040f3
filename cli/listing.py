"""Lists of what there is: runs, and recipes."""

import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from simctl.cli.figures import count, share
from simctl.cli.recipe import explain, load, names
from simctl.cli.runs import Card, cards

_STATES = {"live": "bold green", "finished": "green", "interrupted": "yellow"}


def list_runs(runs_dir: Path) -> None:
    """Print a table of the runs in a directory."""
    console = Console()
    found = list(cards(runs_dir))
    if not found:
        console.print(f"no run in {runs_dir} yet; begin one with: simctl run", highlight=False)
        return
    table = Table(box=None, padding=(0, 1), header_style="dim")
    table.add_column("run", no_wrap=True)
    table.add_column("recipe")
    table.add_column("seed", justify="right")
    table.add_column("state")
    for heading in ("round", "tokens", "greedy", "sampled"):
        table.add_column(heading, justify="right", no_wrap=True)
    for each in found:
        table.add_row(*_run(each))
    console.print(table, highlight=False)


def list_recipes() -> None:
    """Print a table of the recipes in the package."""
    table = Table(box=None, padding=(0, 1), header_style="dim")
    table.add_column("recipe", no_wrap=True, style="bold")
    table.add_column("what happens")
    table.add_column("after", style="dim")
    for name in names():
        recipe = load(name)
        table.add_row(name, recipe.description, recipe.paper)
    console = Console()
    console.print(table, highlight=False)
    console.print("\nsimctl recipes show NAME prints all keys of one", style="dim")


def show_recipe(name: str, sets: Sequence[str]) -> None:
    """Print a recipe with the meaning of every key: a recipe again, when it is redirected."""
    text = explain(load(name, sets))
    console = Console()
    if console.is_terminal:
        console.print(
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
        str(card.seed),
        Text(card.state, _STATES.get(card.state, "red")),
        f"{card.round}/{card.rounds}",
        count(card.tokens),
        share(scores.get("greedy")),
        share(scores.get("sampled")),
    )
