"""The comparer: whether an attempt's answer equals a reference, by math-verify, within a time.

Comparisons run in a process of their own, see comparison.py: what takes too long is ended with it,
whatever it does, and the next comparison gets a new one.
"""

import importlib.util
import json
import os
import selectors
import subprocess
import sys
import weakref
from collections.abc import Callable
from pathlib import Path

from simctl.agents.tasks.environment import TaskError

_COMPARISON = Path(__file__).with_name("comparison.py")
_START = 120.0  # seconds in which a comparison's process must have started, on a busy machine
_CHUNK = 1 << 12


class Comparer:
    """Compares answers; starts its process at the first comparison."""

    def __init__(self, seconds: float) -> None:
        """Give each comparison so many seconds.

        Raises:
            TaskError: math-verify is not installed.
        """
        if importlib.util.find_spec("math_verify") is None:
            raise TaskError(
                "grading by math-verify needs an extra that is not installed: "
                "pip install 'simctl[datasets]', or let task.grading be \"exact\""
            )
        self._seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._end: Callable[[], object] | None = None

    def equal(self, reference: str, attempt: str) -> bool | None:
        """Return whether the answers are equal; None when the reference is none that can be read.

        None as well when it takes too long. An attempt without an answer equals nothing.
        """
        process = self._running()
        answer = None
        if process.stdin is not None:
            process.stdin.write(json.dumps([reference, attempt]).encode() + b"\n")
            process.stdin.flush()
            answer = _line(process, self._seconds)
        if answer is None and self._end is not None:
            self._end()
            self._process = None
        return None if answer is None else json.loads(answer)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and file
                [sys.executable, "-P", str(_COMPARISON)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            self._end = weakref.finalize(self, _finish, self._process)
            if _line(self._process, _START) is None:
                raise TaskError("math-verify does not start; try python -c 'import math_verify'")
        return self._process


def _line(process: subprocess.Popen[bytes], seconds: float) -> bytes | None:
    """Return the next line that a process writes; None when it ends or is late."""
    if process.stdout is None:
        return None
    read = bytearray()
    with selectors.DefaultSelector() as ready:
        ready.register(process.stdout, selectors.EVENT_READ)
        while not read.endswith(b"\n") and ready.select(seconds):
            chunk = os.read(process.stdout.fileno(), _CHUNK)
            if not chunk:
                return None
            read += chunk
    return bytes(read) if read.endswith(b"\n") else None


def _finish(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()
