"""Calls of the command line from tests."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Said:
    """What a command printed, and the exit code that it ended with."""

    code: int
    out: str
    err: str


Command = Callable[..., Said]
