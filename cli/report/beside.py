"""Reports beside a run: a process of its own, so that no tool can slow the run or end it."""

import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from simctl.cli.report.report import command
from simctl.cli.report.reporter import CHATTER
from simctl.cli.report.subject import Subject

_SECONDS = 60.0  # that the tools have for what is left when the run has ended


@contextmanager
def reported(
    run_dir: Path, tools: Sequence[str], note: Callable[[str], None]
) -> Generator[list[str]]:
    """Report the run that is played within to tools; give the list of what went wrong.

    `note` hears it at once, in another thread.
    """
    troubles: list[str] = []
    failed: list[str] = []
    if not tools:
        yield troubles
        return
    words = ["-m", "simctl.cli.report.process", "--run-dir", str(run_dir), "--to", ",".join(tools)]
    with (
        (Subject(run_dir).folder() / CHATTER).open("ab") as chatter,
        subprocess.Popen(  # noqa: S603 - this package
            [sys.executable, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=chatter,
            text=True,
            start_new_session=True,  # Ctrl-C is the run's to hear: its end is told, too
        ) as process,
    ):
        listener = threading.Thread(target=_listen, args=(process.stdout, failed, troubles, note))
        listener.start()
        try:
            yield troubles
        finally:
            ended = _end(process)
            listener.join()
            if troubles or not ended:
                troubles += [] if troubles else [f"{', '.join(tools)}: not all was told"]
                left = failed or tools
                troubles.append(f"to catch up: {command(run_dir, left)}")


def _listen(
    out: IO[str] | None, failed: list[str], troubles: list[str], note: Callable[[str], None]
) -> None:
    for line in out or ():
        tool, _, text = line.rstrip().partition(" ")
        failed.append(tool)
        troubles.append(f"{tool} was not told all: {text}")
        note(troubles[-1])


def _end(process: subprocess.Popen[str]) -> bool:
    """Say that the run is over, and wait; return whether all was told."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        return process.wait(_SECONDS) == 0
    except subprocess.TimeoutExpired:
        process.kill()
        return False
