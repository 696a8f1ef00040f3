"""simctl recipes."""

from typing import Annotated

import typer

from simctl.cli.commands.options import Sets

app = typer.Typer(help="List the recipes of the package, or show one with all its keys.")


@app.callback(invoke_without_command=True)
def listed(context: typer.Context) -> None:
    """List the recipes of the package, or show one with all its keys."""
    if context.invoked_subcommand is None:
        from simctl.cli.listing import list_recipes

        list_recipes()


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A recipe's name or TOML file")],
    *,
    sets: Sets = None,
) -> None:
    """Print a recipe with every key, its value and its meaning.

    The text is a recipe itself: simctl recipes show grpo > mine.toml
    """
    from simctl.cli.listing import show_recipe

    show_recipe(name, sets or [])
