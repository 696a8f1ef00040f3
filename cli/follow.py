"""Follows a run that other processes play: gives its events as they come, until nobody plays it."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Protocol

from simctl.bus.event import Event
from simctl.cli.cut import Log
from simctl.cli.recipe import Recipe
from simctl.cli.runs import in_force
from simctl.store.access import open_log
from simctl.store.client import RemoteLog
from simctl.store.errors import LogBusyError, OwnerGoneError

_PATIENCE = 60.0  # seconds that a process may hold a log without answering: it starts or ends
_PAUSE = 0.1  # seconds between two attempts


class Listener(Protocol):
    """Whoever hears what a run says."""

    def recall(self, event: Event) -> None:
        """Hear an event from before the run was found live."""
        ...

    def joined(self, run_dir: Path, recipe: Recipe) -> None:
        """Hear that the run is live; what comes from now on happens now."""
        ...

    def hear(self, event: Event) -> None:
        """Hear an event of the live run."""
        ...


class Follower:
    """What was heard of a run, whichever processes play it."""

    def __init__(
        self,
        path: Path,
        listener: Listener,
        reading: Callable[[], AbstractContextManager[object]] = nullcontext,
        pace: float = 0.0,
    ) -> None:
        """Tell `listener` of the run in `path`; `reading` surrounds the reading of its past.

        Whoever needs not know at once waits `pace` seconds before the next question: each costs
        the run the same, however many events answer it.
        """
        self.joined = False  # a process that plays it
        self._path = path
        self._listener = listener
        self._reading = reading
        self._pace = pace
        self._last = 0
        self._patience: float | None = None

    def follow(self) -> None:
        """Hear what there is of the run, and what comes, until no process plays it.

        Raises:
            LogBusyError: a process holds its log and does not answer.
        """
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
                self._listener.hear(event)
                self._last = event.seq
            return
        with self._reading():
            for event in log.read(after=self._last):
                self._listener.recall(event)
                self._last = event.seq

    def _follow(self, log: RemoteLog) -> None:
        if not self.joined:
            self._listener.joined(self._path, in_force(self._path, log))
            self.joined = True
        for events in log.follow(self._last):
            for event in events:
                self._listener.hear(event)
                self._last = event.seq
            time.sleep(self._pace)

    def _wait(self, error: LogBusyError) -> None:
        """Give a process that starts or ends some time."""
        now = time.monotonic()
        self._patience = self._patience or now + _PATIENCE
        if now > self._patience:
            raise error
        time.sleep(_PAUSE)  # nothing in this process could be waited on
