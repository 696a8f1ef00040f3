"""A halt: a process of a run stands still at a place that a test needs, however fast it is.

What the processes of a run do is over in seconds. Where a test has to find them amid it, no poll is
quick enough on every machine.
"""

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from family import PROC
from live import wait_for

HOOK = str(Path(__file__).with_name("halting"))  # what is on the path of Python's


def learnt(version: int, run: str = "") -> str:
    """Return where the trainer of a run has learnt a version, of which it told nobody yet."""
    return f"os.rename {run}/policies/v{version:06d}"


class Halt:
    """A place at which the first process that comes there stands still, once.

    `with Halt(...) as halt, start(run_dir, env=halt.environment) as run: halt.wait()`. Who still
    stands there as the `with` ends is killed.
    """

    def __init__(self, file: Path, at: str, environment: Mapping[str, str] = os.environ) -> None:
        """Halt at an audit event of Python's one of whose arguments ends so.

        `file` is for this, and must not be there. Others may halt in the `environment` already.
        """
        self._file = file
        path, halts = environment.get("PYTHONPATH", "").split(os.pathsep), environment.get("HALTS")
        self.environment = {
            **environment,
            "HALTS": "\n".join(filter(None, [halts, f"{at} {file}"])),
            "PYTHONPATH": os.pathsep.join(filter(None, [HOOK, *path])),
        }

    def wait(self) -> int:
        """Wait until a process stands still there, and return it."""
        wait_for(self._stands)
        return int(self._file.read_text())

    def go_on(self) -> None:
        """Let it go on; nothing happens where none stands still."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._stands():
            os.kill(int(self._file.read_text()), number)

    def _stands(self) -> bool:
        pid = self._file.read_text() if self._file.exists() else ""
        try:
            stat = (PROC / pid / "stat").read_text(encoding="utf-8") if pid else ""
        except FileNotFoundError:  # it was killed
            return False
        return stat.rpartition(")")[2].split()[:1] == ["T"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._signal(signal.SIGKILL)
