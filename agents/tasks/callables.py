"""Callables: a user's Python function by its name, from a module or a file."""

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from simctl.agents.tasks.environment import TaskError

_HASHED = 8  # digits of a file's sha256 in the name of its functions


class FunctionError(TaskError):
    """There is no such function, its file cannot be run, or it gives what is not wanted."""


@dataclass(frozen=True, slots=True)
class Found:
    """A function; `label` tells it from another text of the same file by the hash of that."""

    name: str
    label: str
    call: Callable[..., Any]


def module(place: str) -> ModuleType:
    """Return the module that is named, or that a .py file holds.

    Raises:
        FunctionError: there is none, or it cannot be run.
    """
    if not place.endswith(".py"):
        return _module(place)
    path = Path(place)
    return _file(path, hashlib.sha256(_text(path)).hexdigest()[:_HASHED])


def find(name: str) -> Found:
    """Return the function that `FILE.py:FUNCTION` or `MODULE:FUNCTION` names.

    Raises:
        FunctionError: there is none, or its file or module cannot be run.
    """
    place, colon, function = name.rpartition(":")
    if not colon:
        raise FunctionError(f"{name!r} names no function; give FILE.py:FUNCTION or MODULE:FUNCTION")
    if not place.endswith(".py"):
        return Found(function, name, _attribute(_module(place), function, place))
    path = Path(place)
    digest = hashlib.sha256(_text(path)).hexdigest()[:_HASHED]
    label = f"{path.name}:{function}@{digest}"
    return Found(function, label, _attribute(_file(path, digest), function, place))


def _text(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise FunctionError(f"{path} cannot be read: {error.strerror}") from error


def _module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise FunctionError(
            f"module {name} cannot be imported: {type(error).__name__}: {error}"
        ) from error


def _file(path: Path, digest: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"simctl_function_{digest}", path)
    if spec is None or spec.loader is None:
        raise FunctionError(f"{path} is no Python file: its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses and pickles look for it
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise FunctionError(f"{path} fails: {type(error).__name__}: {error}") from error
    return module


def _attribute(module: ModuleType, name: str, place: str) -> Callable[..., Any]:
    function: Callable[..., Any] | None = getattr(module, name, None)
    if not callable(function):
        raise FunctionError(f"{place} has no function {name!r}")
    return function
