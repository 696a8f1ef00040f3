"""The writer: one thread that owns the file. Appends that wait share a commit."""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field

from simctl.bus.event import Draft, Event
from simctl.store.errors import LogBrokenError, LogClosedError
from simctl.store.ledger import Ledger
from simctl.store.patience import Patience
from simctl.store.sequencer import Sequencer

GROUP = 1000  # rows in a commit; larger ones are slower for each row
_LULL = 0.01  # seconds without appends after which the file catches up with the journal


@dataclass
class Append:
    """Drafts that wait for the log, and where their events go.

    If it `settles`, the file has all that came before when it is done.
    """

    drafts: Sequence[Draft]
    settles: bool = False
    done: Future[list[Event]] = field(default_factory=Future[list[Event]])


class Writer:
    """Writes what is submitted, in order, and calls `announce` after each commit."""

    def __init__(
        self,
        ledger: Ledger,
        sequencer: Sequencer,
        patience: Patience,
        announce: Callable[[Sequence[Event]], None],
    ) -> None:
        """Start the thread; `announce` is called in it with what was committed."""
        self._ledger = ledger
        self._sequencer = sequencer
        self._patience = patience
        self._announce = announce
        self._inbox: queue.SimpleQueue[Append | None] = queue.SimpleQueue()
        self._gate = threading.Lock()
        self._closed = False
        self.broken: LogBrokenError | None = None
        self._thread = threading.Thread(target=self._run, name="simctl-log", daemon=True)
        self._thread.start()

    def submit(self, drafts: Sequence[Draft]) -> Future[list[Event]]:
        """Return the future of the drafts' events; it is done after their commit."""
        return self._enqueue(Append(drafts))

    def settle(self) -> None:
        """Return when the file has all that was acknowledged before.

        Raises:
            LogBrokenError: it cannot; the journal has it.
        """
        if not self._ledger.behind:
            return
        try:
            self._enqueue(Append((), settles=True)).result()
        except LogClosedError:  # and whoever closes it settles
            self._thread.join()

    def close(self) -> None:
        """Write what was submitted before, then end the thread; nothing is waited for any more."""
        self._patience.lose()
        with self._gate:
            if not self._closed:
                self._closed = True
                self._inbox.put(None)
        self._thread.join()

    def _enqueue(self, append: Append) -> Future[list[Event]]:
        with self._gate:
            if self._closed:
                raise LogClosedError("the log is closed: nothing can be appended any more")
            self._inbox.put(append)
        return append.done

    def _run(self) -> None:
        while (append := self._next()) is not None:
            group, more = self._gather(append)
            self._write_group(group)
            if not more:
                break
        self._settle()

    def _next(self) -> Append | None:
        """Return what comes next; where it does not come soon, the file catches up before."""
        if self._ledger.behind:
            with suppress(queue.Empty):
                return self._inbox.get(timeout=_LULL)
            self._settle()
        return self._inbox.get()

    def _gather(self, first: Append) -> tuple[list[Append], bool]:
        """Return what waits now, up to a commit's size, and whether more can come."""
        group, rows = [first], len(first.drafts)
        while rows < GROUP:
            try:
                append = self._inbox.get_nowait()
            except queue.Empty:
                break
            if append is None:
                return group, False
            group.append(append)
            rows += len(append.drafts)
        return group, True

    def _write_group(self, group: list[Append]) -> None:
        ready: list[tuple[Append, list[Event]]] = []
        fresh: list[Event] = []
        for append in group:
            if not append.done.set_running_or_notify_cancel():
                continue
            if append.settles or self._sequencer.asks_past(append.drafts):
                # the file must first hold what this group has placed so far
                self._commit(ready, fresh)
                self._settle()
                ready, fresh = [], []
            before = self._sequencer.position.seq
            try:
                events = self._place(append.drafts)
            except Exception as error:  # noqa: BLE001 - it belongs to whoever appended
                append.done.set_exception(error)
                continue
            new = {event.seq: event for event in events if event.seq > before}
            fresh.extend(new.values())
            ready.append((append, events))
        self._commit(ready, fresh)

    def _place(self, drafts: Sequence[Draft]) -> list[Event]:
        if self.broken is not None:
            raise self.broken
        return self._sequencer.place(drafts)

    def _commit(self, ready: list[tuple[Append, list[Event]]], fresh: list[Event]) -> None:
        if fresh:
            self._until_done(lambda: self._ledger.write(fresh))
        if fresh and self.broken is None:
            self._announce(fresh)
        for append, events in ready:
            if self.broken is not None:
                append.done.set_exception(self.broken)
            else:
                append.done.set_result(events)
        if self._ledger.behind >= GROUP:
            self._settle()

    def _settle(self) -> None:
        if self._ledger.behind:
            self._until_done(self._ledger.settle)

    def _until_done(self, step: Callable[[], None]) -> None:
        if self.broken is None:
            try:
                self._patience.until_done(step)
            except LogBrokenError as error:
                self.broken = error
                self._ledger.give_up(error)
