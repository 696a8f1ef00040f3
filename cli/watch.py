"""Watches a run that another process plays: recalls its log, and follows it to its end."""

import sys
import time
from contextlib import closing
from pathlib import Path

from rich.console import Console

from simctl.cli.cut import Log
from simctl.cli.errors import RunError
from simctl.cli.runs import find_run, in_force
from simctl.cli.show import View, view
from simctl.cli.summary import next_steps, summarise
from simctl.cli.tables import console
from simctl.store.access import open_log
from simctl.store.client import RemoteLog
from simctl.store.errors import LogBusyError, OwnerGoneError

_PATIENCE = 60.0  # seconds that a process may hold a log without answering: it starts or ends
_PAUSE = 0.1  # seconds between two attempts
_INTERRUPTED = 130
_ENDS = {"finished": "it finished", "interrupted": "it was interrupted", "failed": "it failed"}


def watch(name: str | None, runs_dir: Path) -> int:
    """Show a run until it ends; return 0 if it finished, 1 if not, 130 if nobody watches any more.

    Of a run that is not live, tell how it ended.

    Raises:
        RunError: there is no such run, or nothing of it was played.
        LogBusyError: a process holds its log and does not answer.
    """
    path, screen = find_run(name, runs_dir), console()
    shown = view(screen, clock=time.time)
    watcher = _Watcher(path, screen, shown)
    try:
        with closing(shown):
            watcher.watch()
    except KeyboardInterrupt:
        sys.stderr.write(f"run {path} goes on; look again with: simctl watch {path}\n")
        return _INTERRUPTED
    return _tell(screen, path, watcher)


class _Watcher:
    """What was heard of a run, whichever processes play it."""

    def __init__(self, path: Path, screen: Console, shown: View) -> None:
        self.view = shown
        self.joined = False  # a process that plays it
        self._path = path
        self._screen = screen
        self._last = 0
        self._patience: float | None = None

    def watch(self) -> None:
        """Hear what there is of the run, and what comes, until no process plays it."""
        while True:
            try:
                with open_log(self._path) as log:
                    self._patience = None
                    self._catch_up(log)
                    if not isinstance(log, RemoteLog):
                        return
                    self._follow(log)
            except OwnerGoneError:
                continue  # the file has the rest, or another process goes on
            except LogBusyError as error:
                self._wait(error)

    def _catch_up(self, log: Log) -> None:
        if self.joined:
            for event in log.read(after=self._last):
                self.view.hear(event)
                self._last = event.seq
            return
        with self._screen.status("reading the log"):
            for event in log.read(after=self._last):
                self.view.recall(event)
                self._last = event.seq

    def _follow(self, log: RemoteLog) -> None:
        if not self.joined:
            self.view.joined(self._path, in_force(self._path, log))
            self.joined = True
        for events in log.follow(self._last):
            for event in events:
                self.view.hear(event)
                self._last = event.seq

    def _wait(self, error: LogBusyError) -> None:
        """Give a process that starts or ends some time."""
        now = time.monotonic()
        self._patience = self._patience or now + _PATIENCE
        if now > self._patience:
            raise error
        time.sleep(_PAUSE)  # nothing in this process could be waited on


def _tell(screen: Console, path: Path, watcher: _Watcher) -> int:
    progress = watcher.view.progress
    if not progress.events:
        raise RunError(f"run {path} is not live, and has not begun: simctl run --resume {path}")
    ended = progress.ended
    how = _ENDS[ended.reason] if ended else "it broke off"
    if ended and ended.detail:
        how += f": {ended.detail}"
    finished = ended is not None and ended.reason == "finished"
    summarise(screen, progress, path)
    for step in next_steps(path, finished=finished):
        screen.print(f"  {step}", style="cyan", markup=False, highlight=False, soft_wrap=True)
    about = f"run {path} ended" if watcher.joined else f"run {path} is not live"
    sys.stderr.write(f"{about}: {how}\n")
    return 0 if finished else 1
