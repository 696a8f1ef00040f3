"""Kills: a run is started, heard from outside, and killed again and again until it has finished."""

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Literal, TextIO

from live import start, trainer_of

from simctl.store.access import open_log
from simctl.store.address import find
from simctl.store.client import RemoteLog
from simctl.store.errors import OwnerGoneError

_SAID_AGAIN = "SELECT count(*) - count(DISTINCT (producer, epoch, pseq)) AS doubled FROM events"
# a role says it under another number when it answers once more after a crash
_ANSWERED_AGAIN = """
SELECT coalesce(sum(answers - wanted), 0) AS doubled FROM (
    SELECT count(*) AS answers,
        coalesce(any_value(CAST(ask.payload ->> 'n' AS BIGINT)), 1) AS wanted
    FROM events AS answer JOIN events AS ask ON answer.cause = ask.seq
    WHERE ask.sender = 'episode' AND answer.recipient = 'episode'
    GROUP BY ask.seq
) WHERE answers > wanted
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
        """Kill; return False if the victim is not there."""
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

    The trainer's come longer after their event: the run waits for it, so no event tells how far
    it is.
    """
    planned = []
    for after in sorted(dice.randrange(1, last) for _ in range(count)):
        moment = dice.choice(("start", "run", "run", "trainer"))
        if moment == "start":
            planned.append(Kill("run", None, dice.uniform(0, 3)))
        elif moment == "run":
            planned.append(Kill("run", after, dice.uniform(0, 0.2)))
        else:
            planned.append(Kill("trainer", after, dice.uniform(0, 3)))
    return planned


def suffer(witness: Witness, planned: Sequence[Kill]) -> list[Struck]:
    """Let a run begin, suffer the kills and go on to its end; return those that struck."""
    struck = []
    with witness.run_dir.with_suffix(".out").open("a+", encoding="utf-8") as out:
        process = start(witness.run_dir, stdout=out)
        for kill in planned:
            process = _reach(kill.after, process, witness, out)
            time.sleep(kill.delay)
            if kill.strike(process):
                struck.append(Struck(kill, time.time()))
        while process.wait() != 0:
            process = _again(process, witness, out)
    return struck


def _reach(
    after: int | None, process: subprocess.Popen[str], witness: Witness, out: TextIO
) -> subprocess.Popen[str]:
    """Return the run's process once it is as far as `after`, or has finished."""
    if process.poll() is not None:
        process = _again(process, witness, out)
    while after is not None and not witness.hear(after, process) and process.returncode != 0:
        process = _again(process, witness, out)
    return process


def _again(process: subprocess.Popen[str], witness: Witness, out: TextIO) -> subprocess.Popen[str]:
    """Let a run go on that was killed, or whose trainer died three times in a row."""
    if process.returncode not in {0, -signal.SIGKILL}:
        out.seek(0)
        said = out.read()
        assert "code -9" in said, said
    return start(witness.run_dir, stdout=out) if process.returncode != 0 else process


def doubled(run_dir: Path) -> int:
    """Return how many events say again what was said, and how many answers nobody asked for."""
    with open_log(run_dir) as log:
        found = [log.query(sql).to_pylist()[0] for sql in (_SAID_AGAIN, _ANSWERED_AGAIN)]
    return sum(int(row["doubled"]) for row in found)
