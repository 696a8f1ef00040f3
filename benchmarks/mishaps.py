"""What becomes of a society over MQTT when one of its processes dies or hangs: lost, doubled, time.

A small society with a worker is under way; something happens to a process, another worker joins
where that helps, and the run goes on to its end. The time is from the mishap to the first answer of
a role after it. `python benchmarks/mishaps.py` prints a table.
"""

import os
import signal
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from kills import ANSWERED_AGAIN, UNANSWERED
from live import Live, ask, finish, last_seq, start, wait_for, work
from mosquitto import Mosquitto

LEASE = 2
_UNDER_WAY = 60  # events
_ANSWERS = "sender IN ('examiner', 'solver', 'critic', 'guide', 'teacher') AND cause IS NOT NULL"
_NEXT = f"SELECT min(wall_us) AS at FROM events WHERE {_ANSWERS} AND wall_us > {{}}"  # noqa: S608


@dataclass
class Scene:
    """A society that is under way."""

    broker: Mosquitto
    run_dir: Path
    crew: ExitStack
    run: Live
    worker: Live
    words: list[str] = field(default_factory=list)

    def help(self) -> None:
        """Let another worker join."""
        self.crew.enter_context(work(self.broker.url("worker"), "other"))


def killed(scene: Scene) -> None:
    """Kill the worker."""
    scene.worker.kill()
    scene.help()


def hung(scene: Scene) -> None:
    """Stop the worker where it is."""
    os.kill(scene.worker.pid, signal.SIGSTOP)
    scene.help()


def broker_killed(scene: Scene) -> None:
    """Kill the broker, and start it again."""
    scene.broker.kill()
    scene.broker.start()


def owner_killed(scene: Scene) -> None:
    """Kill the process that owns the run, and go on with the run in another."""
    scene.run.kill()
    scene.run.wait()
    scene.run = scene.crew.enter_context(start(scene.run_dir, words=scene.words))


MISHAPS: dict[str, Callable[[Scene], None]] = {
    "worker killed, another joins": killed,
    "worker hangs, another joins": hung,
    "broker killed and started": broker_killed,
    "owner killed, run resumed": owner_killed,
}


def play(mishap: Callable[[Scene], None]) -> list[str]:
    """Return how many asks were lost and answered twice, and how long it took to go on."""
    with Mosquitto() as broker, ExitStack() as crew, tempfile.TemporaryDirectory() as place:
        run_dir = Path(place) / "run"
        words = ["--bus", broker.url("owner"), "--lease", str(LEASE)]
        worker = crew.enter_context(work(broker.url("worker"), "first"))
        run = crew.enter_context(start(run_dir, words=words))
        wait_for(lambda: last_seq(run_dir) > _UNDER_WAY)
        scene = Scene(broker, run_dir, crew, run, worker, words)
        began = time.time_ns() // 1000
        mishap(scene)
        finish(scene.run)
        [again] = ask(run_dir, ANSWERED_AGAIN)
        [unanswered] = ask(run_dir, UNANSWERED)
        [after] = ask(run_dir, _NEXT.format(began))
    seconds = (int(str(after["at"])) - began) / 1e6
    return [str(unanswered["asks"]), str(again["doubled"]), f"{seconds:.1f} s"]


if __name__ == "__main__":
    print("| mishap | asks lost | answered twice | until the next answer |")
    print("|---|---|---|---|")
    for name, mishap in MISHAPS.items():
        print(f"| {name} |", " | ".join(play(mishap)), "|", flush=True)
