"""The soak: hundreds of SIGKILLs for whoever holds, writes or reads a log, and what became of it.

A writer that does nothing but append is killed, and small runs are, the agents with the log or the
trainer, until each has finished. Ends with 1 if an acknowledged event is lost, anything is there
twice, or a run is not whole or has other weights than one that was not disturbed. Then a log of a
million events is closed, and killed with a large write-ahead log, and comes back.

    make soak KILLS=200
"""

import argparse
import asyncio
import json
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random

from grow import grow
from kills import Struck, Witness, doubled, plan_kills, suffer
from live import SMALL, chain, final_sha256, finish, simctl, start
from rich.console import Console
from rich.table import Table

from simctl.bus.event import Draft, Utterance
from simctl.bus.messages import RunResumed
from simctl.store.access import LOG, open_log
from simctl.store.duck import DuckLog

KILLS_A_RUN = 20
PRODUCERS = 8
JOURNAL = ", journal"
WAL = 100_000_000  # bytes
SAID = Utterance((1, 2), (3,) * 200, (-1.0,) * 200)
_GOES_ON = re.compile(r"^(\S+ \S+) goes on after seq", re.MULTILINE)


@dataclass
class Toll:
    """What kills of one victim cost: events, and seconds until it was back."""

    victim: str
    kills: int = 0
    acked: int = 0
    lost: int = 0
    doubled: int = 0
    back: list[float] = field(default_factory=list)


def lost(run_dir: Path, heard: dict[int, str]) -> int:
    """Return how many acknowledged events (seq -> hash) the log does not have as they were."""
    written = dict(enumerate(chain(run_dir), 1))
    return sum(written.get(seq) != hash_ for seq, hash_ in heard.items())


# --- a writer that does nothing else --------------------------------------------------------------


async def write(path: Path, *, journal: bool) -> None:
    """Append for ever, and print the seq and hash of every event once it is acknowledged."""
    with DuckLog(path, run=path.parent.name) as log:
        if journal:
            log.begin_journal()
        known = log.query("SELECT producer, max(pseq) AS last FROM events GROUP BY ALL").to_pylist()
        spoken = {row["producer"]: row["last"] for row in known}

        async def speak(producer: str) -> None:
            for pseq in range(spoken.get(producer, -1) + 1, sys.maxsize):
                draft = Draft(
                    producer, 0, pseq, RunResumed(incarnation=pseq), producer, utterance=SAID
                )
                [event] = await log.append([draft])
                print(event.seq, event.hash, flush=True)

        await asyncio.gather(*(speak(f"writer-{number}") for number in range(PRODUCERS)))


def kill_writers(run_dir: Path, kills: int, dice: Random, *, journal: bool) -> Toll:
    """Let writers append to one log after another of them was killed."""
    toll, heard = Toll(f"writer{JOURNAL * journal}"), dict[int, str]()
    run_dir.mkdir()
    command = [sys.executable, __file__, "--write", run_dir / LOG, *["--journal"] * journal]
    killed = None
    for _ in range(kills):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            for line, _ in zip(writer.stdout, range(dice.randrange(1, 300)), strict=False):
                if killed is not None:
                    toll.back.append(time.time() - killed)
                    killed = None
                _hear(line, heard)
            time.sleep(dice.uniform(0, 0.05))
            writer.send_signal(signal.SIGKILL)
            killed = time.time()
            for line in writer.stdout:
                _hear(line, heard)
        toll.kills += 1
    DuckLog(run_dir / LOG, run=run_dir.name).close()  # takes what is left in a journal
    toll.acked, toll.lost, toll.doubled = len(heard), lost(run_dir, heard), doubled(run_dir)
    return toll


def _hear(line: str, heard: dict[int, str]) -> None:
    if line.endswith("\n"):  # a torn line acknowledges nothing
        seq, hash_ = line.split()
        heard[int(seq)] = hash_


# --- runs -----------------------------------------------------------------------------------------


def kill_runs(place: Path, kills: int, dice: Random) -> tuple[list[Toll], int, int]:
    """Let small runs suffer, every second one with a journal.

    Return the tolls, how many runs ended, and how many of them ended well.
    """
    agents = [Toll("agents and log"), Toll(f"agents and log{JOURNAL}")]
    tolls = [*agents, trainer := Toll("trainer")]
    unbroken = place / "unbroken"
    finish(start(unbroken))
    runs = same = 0
    while sum(toll.kills for toll in tolls) < kills:
        witness = Witness(place / f"broken-{runs}")
        planned = plan_kills(dice, KILLS_A_RUN, len(chain(unbroken)))
        journal = f"log.journal={'true' if runs % 2 else 'false'}"
        struck = suffer(witness, planned, [*SMALL, journal])
        whole = simctl("store", "check", witness.run_dir).returncode == 0
        same += whole and final_sha256(witness.run_dir) == final_sha256(unbroken)
        take(agents[runs % 2], trainer, witness, struck)
        runs += 1
        print(f"run {runs}: {len(struck)} kills, {len(witness.heard)} heard", file=sys.stderr)
    return tolls, runs, same


def take(agents: Toll, trainer: Toll, witness: Witness, struck: list[Struck]) -> None:
    """Add what one run has suffered; its events are counted with the agents, who own the log."""
    run_dir = witness.run_dir
    with open_log(run_dir) as log:
        spoke = [e.wall_us / 1e6 for e in log.read() if e.kind in {"run_started", "run_resumed"}]
    said = (run_dir / "trainer.log").read_text(encoding="utf-8")
    went_on = [
        datetime.strptime(at, "%Y-%m-%d %H:%M:%S,%f").timestamp()  # noqa: DTZ007 - local, as logging writes it
        for at in _GOES_ON.findall(said)
    ]
    for this, following in zip(struck, [*struck[1:], None], strict=True):
        toll, came = (agents, spoke) if this.kill.victim == "run" else (trainer, went_on)
        toll.kills += 1
        until = following.at if following else float("inf")
        back = [at - this.at for at in came if this.at < at < until]
        toll.back += back[:1]  # none if it was killed again before it was back
    agents.acked += len(witness.heard)
    agents.lost += lost(run_dir, witness.heard)
    agents.doubled += doubled(run_dir)


# --- a long log -----------------------------------------------------------------------------------


def take_up(path: Path) -> None:
    """Open a log, append to it, and print the seconds until that was acknowledged."""
    begun = time.perf_counter()
    with DuckLog(path, run=path.parent.name) as log:
        draft = Draft("soak", time.time_ns(), 0, RunResumed(incarnation=0), "soak")
        log.submit([draft]).result()
        print(time.perf_counter() - begun)


def come_back(run_dir: Path, place: Path, events: int) -> dict[str, float]:
    """Return how many seconds a log of so many events takes to come back after either end."""
    path = place / "long" / LOG
    grow(run_dir, path.parent, events)
    found = {"events": float(events), "closed": _seconds(path)}
    wal = path.with_name(f"{path.name}.wal")
    with subprocess.Popen(
        [sys.executable, __file__, "--write", path], stdout=subprocess.DEVNULL
    ) as writer:
        while not wal.exists() or wal.stat().st_size < WAL:
            assert writer.poll() is None
            time.sleep(0.05)
        writer.kill()
    return found | {"wal_mb": wal.stat().st_size / 1e6, "killed": _seconds(path)}


def _seconds(path: Path) -> float:
    command = [sys.executable, __file__, "--take-up", path]
    return float(subprocess.run(command, check=True, capture_output=True).stdout)


# --- what came of it ------------------------------------------------------------------------------


def show(tolls: Iterable[Toll], runs: int, same: int, long: dict[str, float]) -> None:
    """Print the table and the JSON row."""
    table = Table(title="what SIGKILL cost", header_style="dim")
    for name in ("victim", "kills", "acked", "lost", "doubled", "back: median s", "max s"):
        table.add_column(name, justify="left" if name == "victim" else "right")
    rows = []
    for toll in tolls:
        back = [f(toll.back) for f in (statistics.median, max)] if toll.back else []
        rows.append({**asdict(toll), "back": back})
        counts = (toll.kills, toll.acked, toll.lost, toll.doubled)
        table.add_row(toll.victim, *map(str, counts), *(f"{each:.2f}" for each in back or ()))
    Console().print(table)
    print(f"{same} of {runs} runs ended whole, with the weights of one that was not disturbed")
    print(
        f"a log of {long['events']:,.0f} events is back in {long['closed']:.2f} s after a close,"
        f" in {long['killed']:.2f} s after SIGKILL with {long['wal_mb']:.0f} MB not checkpointed"
    )
    print(json.dumps({"soak": rows, "runs": runs, "same_weights": same, "long": long}))


def main() -> int:
    """Kill, count, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--kills", type=int, default=200, help="in all; half of them hit the writer"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", type=Path, metavar="LOG", help=argparse.SUPPRESS)
    parser.add_argument("--journal", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--events", type=int, default=1_000_000, help="of the long log")
    parser.add_argument("--take-up", type=Path, metavar="LOG", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.write is not None:
        asyncio.run(write(asked.write, journal=asked.journal))
    if asked.take_up is not None:
        take_up(asked.take_up)
        return 0
    dice = Random(asked.seed)  # noqa: S311 - only to kill at different moments
    with tempfile.TemporaryDirectory() as place:
        writers = [
            kill_writers(Path(place) / name, asked.kills // 4, dice, journal=name == "journal")
            for name in ("plain", "journal")
        ]
        of_runs, runs, same = kill_runs(Path(place), asked.kills - asked.kills // 4 * 2, dice)
        tolls = [*writers, *of_runs]
        long = come_back(Path(place) / "unbroken", Path(place), asked.events)
        show(tolls, runs, same, long)
    return int(same != runs or any(toll.lost or toll.doubled for toll in tolls))


if __name__ == "__main__":
    sys.exit(main())
