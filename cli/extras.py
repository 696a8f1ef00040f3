"""Extras: parts of the package that need more than it installs by itself."""

from importlib.util import find_spec
from typing import TYPE_CHECKING

from simctl.cli.errors import UserError

if TYPE_CHECKING:
    from simctl.cli.recipe import Recipe


def need(extra: str, *modules: str) -> None:
    """Refuse to begin what an extra is needed for.

    Raises:
        UserError: a module of the extra is not installed.
    """
    missing = [name for name in modules if not _is_there(name)]
    if missing:
        raise UserError(
            f"{' and '.join(missing)} not installed: this needs the extra {extra}; "
            f"install it with: pip install 'simctl[{extra}]'"
        )


def need_for(recipe: "Recipe") -> None:
    """Refuse to begin what a recipe needs an extra for.

    Raises:
        UserError: a module of the extra is not installed.
    """
    if recipe.learns and recipe.trainer.lora is not None:
        need("peft", "peft")


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # not even the package that it is in
        return False
