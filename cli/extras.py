"""Extras: parts of the package that need more than it installs by itself."""

from importlib.util import find_spec

from simctl.cli.errors import UserError


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


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # not even the package that it is in
        return False
