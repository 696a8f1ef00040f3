"""Overrides: `--set a.b=v` on what a recipe file says, and one recipe on top of another."""

import copy
import tomllib
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from simctl.cli.errors import RecipeError
from simctl.cli.keys import models_at


def override(tables: dict[str, Any], sets: Sequence[str], root: type[BaseModel]) -> dict[str, Any]:
    """Return `tables` with every `a.b=v` of `sets` done, changes of `kind` first.

    Raises:
        RecipeError: a set has no `=`, or its key leads nowhere.
    """
    changed = copy.deepcopy(tables)
    parsed = [_parse(each) for each in sets]
    for path, value in sorted(parsed, key=lambda each: each[0][-1] != "kind"):
        _put(changed, path, value, root)
    return changed


def onto(
    base: dict[str, Any], tables: dict[str, Any], root: type[BaseModel], path: Sequence[str] = ()
) -> dict[str, Any]:
    """Return `base` with all that `tables` says instead: key by key, a list as a whole.

    A table of another `kind` keeps of the base what its kind knows.
    """
    changed = copy.deepcopy(base)
    for key, value in tables.items():
        below = changed.get(key)
        if not isinstance(value, dict) or not isinstance(below, dict):
            changed[key] = value
            continue
        if value.get("kind", below.get("kind")) != below.get("kind"):
            _keep_what_fits(below, [*path, key], value["kind"], root)
        changed[key] = onto(below, value, root, (*path, key))
    return changed


def value_of(text: str) -> Any:
    """Return what a text means in TOML; a text that means nothing is taken as itself."""
    try:
        found = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return found["value"] if len(found) == 1 else text


def _parse(text: str) -> tuple[list[str], Any]:
    key, equals, value = text.partition("=")
    path = [part.strip() for part in key.split(".")]
    if not equals or not all(path):
        raise RecipeError(f"--set {text}: write it as key=value, for example run.episodes=16")
    return path, value_of(value.strip())


def _put(tables: dict[str, Any], path: list[str], value: Any, root: type[BaseModel]) -> None:
    at: Any = tables
    for depth, part in enumerate(path[:-1]):
        at = _enter(at, part, path[:depth], root)
    if isinstance(at, list):
        at[_position(at, path)] = value
        return
    if path[-1] == "kind":
        _keep_what_fits(at, path[:-1], value, root)
    at[path[-1]] = value


def _enter(at: Any, part: str, before: list[str], root: type[BaseModel]) -> Any:
    """Return the table or list `part` of `at`; what the file leaves out is begun."""
    if isinstance(at, list):
        inner = at[_position(at, [*before, part])]
    else:
        inner = at.setdefault(part, {} if before else _default(root, part, at))
    if not isinstance(inner, dict | list):
        place = ".".join([*before, part])
        raise RecipeError(f"--set {place}...: {place} is {inner!r}; it holds no keys")
    return inner


def _position(at: list[Any], path: list[str]) -> int:
    """Return the index that a path ends with; one past the end begins a new table."""
    place, last = ".".join(path[:-1]), path[-1]
    if not last.isdecimal() or int(last) > len(at):
        raise RecipeError(
            f"--set {'.'.join(path)}: {place} is a list of {len(at)}; "
            f"write {place}.N with N from 0 to {len(at)}"
        )
    if int(last) == len(at):
        at.append({})
    return int(last)


def _default(root: type[BaseModel], key: str, tables: dict[str, Any]) -> Any:
    """Return the tables that a key of the recipe has when the file says nothing."""
    # of all that a recipe says, defaults follow from nothing but the family of problems
    said = {"task": tables["task"]} if "task" in tables and key != "task" else {}
    try:
        default = getattr(root.model_validate(said), key, None)
    except ValidationError:
        return {}  # the recipe is refused for what it says of the family
    if isinstance(default, tuple):
        return [each.model_dump(mode="json", exclude_none=True) for each in default]
    kind = getattr(default, "kind", None)
    return {} if kind is None else {"kind": kind}


def _keep_what_fits(at: dict[str, Any], path: list[str], kind: Any, root: type[BaseModel]) -> None:
    """Drop the keys that belong to the kind before: one word is then enough to change it."""
    place = tuple(int(part) if part.isdecimal() else part for part in path)
    for model in (m for name, m in models_at(root, place).items() if name == kind):
        for key in at.keys() - model.model_fields.keys():
            del at[key]
