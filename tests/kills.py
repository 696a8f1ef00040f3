"""Kills: a run is started, heard from outside, and killed again and again until it has finished."""

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Literal, TextIO

from live import SMALL, start, trainer_of, wait_for

from simctl.store.access import open_log
from simctl.store.address import find
from simctl.store.client import RemoteLog
from simctl.store.errors import OwnerGoneError

_SAID_AGAIN = "SELECT count(*) - count(DISTINCT (producer, epoch, pseq)) AS doubled FROM events"
# a role says it under another number when it answers once more after a crash
ANSWERED_AGAIN = """
SELECT coalesce(sum(answers - wanted), 0) AS doubled FROM (
    SELECT count(*) AS answers,
        coalesce(any_value(CAST(ask.payload ->> 'n' AS BIGINT)), 1) AS wanted
    FROM events AS answer JOIN events AS ask ON answer.cause = ask.seq
    WHERE ask.sender = 'episode' AND answer.recipient = 'episode'
    GROUP BY ask.seq
) WHERE answers > wanted
"""
UNANSWERED = """
SELECT count(*) AS asks FROM events a WHERE sender = 'episode' AND recipient <> ''
    AND NOT EXISTS (SELECT 1 FROM events e WHERE e.cause = a.seq AND e.recipient = 'episode')
"""


@dataclass
class Witness:
    """Hears a run from another process. What it heard was acknowledged; `heard` has seq -> hash."""

    run_dir: Path
    heard: dict[int, str] = field(default_factory=dict)

    @property
    def last(self) -> int:
        """The seq of the last event heard."""
        return max(self.heard, default=0)

    def hear(self, until: int, process: subprocess.Popen[str]) -> bool:
        """Listen until the event `until` is heard; return False if the process ends before."""
        while process.poll() is None:
            owner = find(self.run_dir)
            if owner is None or owner.pid != process.pid:
                time.sleep(0.02)  # it is not there yet, so there is nothing to wait on
                continue
            with suppress(OwnerGoneError), RemoteLog(owner) as log:
                for events in log.follow(self.last):
                    self.heard |= {event.seq: event.hash for event in events}
                    if self.last >= until:
                        return True
        return False


@dataclass(frozen=True)
class Kill:
    """SIGKILL for a victim, `delay` seconds after an event was heard; None: after the start."""

    victim: Literal["run", "trainer"]
    after: int | None
    delay: float

    def strike(self, process: subprocess.Popen[str]) -> bool:
        """Kill; return False if the victim is not there any more."""
        if self.victim == "trainer":  # which a run that has just begun, or lost one, will have
            wait_for(lambda: process.poll() is not None or trainer_of(process) is not None)
        pid = process.pid if self.victim == "run" else trainer_of(process)
        if pid is None or process.poll() is not None:
            return False
        with suppress(ProcessLookupError):  # it has ended since it was looked for
            os.kill(pid, signal.SIGKILL)
        if self.victim == "run":
            process.wait()
        return True


@dataclass(frozen=True)
class Struck:
    """A kill that had its victim, and the wall time of it in seconds since 1970."""

    kill: Kill
    at: float


def plan_kills(dice: Random, count: int, last: int) -> list[Kill]:
    """Return kills all over a run of `last` events, of either process, and some as it comes back.

    They come so soon after their event that hardly a run is over before; the first, of a trainer,
    and the second, of a run, come so early that none is.
    """
    planned = []
    for place, after in enumerate(sorted(dice.randrange(1, last) for _ in range(count))):
        moment = dice.choice(("start", "run", "run", "trainer"))
        moment = ("trainer", "run")[place] if place < 2 else moment
        if moment == "start":
            planned.append(Kill("run", None, dice.uniform(0, 2.5)))
        elif moment == "run":
            planned.append(Kill("run", after, dice.uniform(0, 0.2)))
        else:
            planned.append(Kill("trainer", after, dice.uniform(0, 0.4)))
    return planned


def suffer(witness: Witness, planned: Sequence[Kill], sets: Sequence[str] = SMALL) -> list[Struck]:
    """Let a run begin, suffer the kills and go on to its end; return those that struck."""
    struck = []
    with (
        witness.run_dir.with_suffix(".out").open("a+", encoding="utf-8") as out,
        closing(_Run(witness, sets, out)) as run,
    ):
        for kill in planned:
            run.reach(kill.after)
            time.sleep(kill.delay)
            if kill.strike(run.process):
                struck.append(Struck(kill, time.time()))
        run.finish()
    return struck


class _Run:
    """A run that is started again whenever it was killed."""

    def __init__(self, witness: Witness, sets: Sequence[str], out: TextIO) -> None:
        self._witness = witness
        self._sets = sets
        self._out = out
        self._start()

    def reach(self, after: int | None) -> None:
        """Let it come as far as the event `after`, if it is not over before."""
        self._go_on()
        while after is not None and not self._over and not self._witness.hear(after, self.process):
            self._go_on()

    def finish(self) -> None:
        while not self._over:
            self._go_on()
            self.process.wait()

    def close(self) -> None:
        with self.process:  # it ends with that
            pass

    @property
    def _over(self) -> bool:
        code = self.process.poll()
        return code == 0 or (code == 2 and "is finished" in self._said())  # killed after its end

    def _go_on(self) -> None:
        if self.process.poll() is None or self._over:
            return
        if self.process.returncode != -signal.SIGKILL:  # three trainers died in a row: that ends it
            assert "code -9" in self._said(), self._said()
        self._start()

    def _start(self) -> None:
        self._from = self._out.seek(0, os.SEEK_END)
        self.process = start(self._witness.run_dir, sets=self._sets, stdout=self._out)

    def _said(self) -> str:
        self._out.seek(self._from)
        return self._out.read()


def doubled(run_dir: Path) -> int:
    """Return how many events say again what was said, and how many answers nobody asked for."""
    with open_log(run_dir) as log:
        found = [log.query(sql).to_pylist()[0] for sql in (_SAID_AGAIN, ANSWERED_AGAIN)]
    return sum(int(row["doubled"]) for row in found)
