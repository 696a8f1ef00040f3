"""Runs whose roles were played elsewhere: they say what the same seed says in one process."""

import os
import signal
import time
from pathlib import Path

from kills import ANSWERED_AGAIN, UNANSWERED
from live import Live, ask, simctl, wait_for

from simctl.bus.event import Event
from simctl.bus.order import as_asked
from simctl.store.access import open_log
from simctl.store.address import find
from simctl.store.errors import LogBusyError, OwnerGoneError


def said(run_dir: Path) -> list[tuple[int, str, str, tuple[int, ...]]]:
    """Return all that roles said, in the order in which it was asked."""

    def order(event: Event) -> tuple[int, tuple[str, int, int]]:
        return event.round, as_asked(event)

    with open_log(run_dir) as log:
        spoken = [e for e in log.read() if e.utterance and e.utterance.tokens]
    return [
        (e.round, e.episode, e.kind, e.utterance.tokens)
        for e in sorted(spoken, key=order)
        if e.utterance
    ]


def assert_same(run_dir: Path, unbroken: Path) -> None:
    """The log is whole, each ask has its answer once, and everything is as in one process."""
    checked = simctl("store", "check", run_dir)
    assert checked.returncode == 0, checked.stdout
    [again] = ask(run_dir, ANSWERED_AGAIN)
    assert int(str(again["doubled"])) == 0
    assert ask(run_dir, UNANSWERED) == [{"asks": 0}]
    assert said(run_dir) == said(unbroken)


def count(run_dir: Path, kind: str) -> int:
    """Return how many events of a kind a live run has; 0 when nobody answers."""
    if find(run_dir) is None:  # its file is left alone: the owner may be about to open it
        return 0
    try:
        [row] = ask(run_dir, f"SELECT count(*) AS n FROM {kind}")  # noqa: S608
    except (LogBusyError, OwnerGoneError):  # it may end between the two lines
        return 0
    return int(str(row["n"]))


def hang(worker: Live, run_dir: Path, name: str) -> None:
    """Stop the only worker of a live run while it holds work that it cannot answer any more."""
    held = f"workers WHERE worker = '{name}' AND held > 0"

    def stopped() -> bool:
        os.kill(worker.pid, signal.SIGSTOP)
        time.sleep(1)  # what it had said has come, and so has what it is given: less than a lease
        if count(run_dir, held) > 0:
            return True
        os.kill(worker.pid, signal.SIGCONT)  # the trainer learns: nothing is asked meanwhile
        return False

    wait_for(stopped)
