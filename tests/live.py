"""A live run, as tests start it and look at it."""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from family import descendants, name, title

from simctl.store.access import open_log
from simctl.store.address import find
from simctl.store.policies import PolicyStore

SIMCTL = Path(sys.executable).with_name("simctl")
TRAINER = "simctl-trainer"  # what the system calls such a process
SMALL = ["run.rounds=3", "run.episodes=4", "episode.num_generations=4", "suite=[]"]
AHEAD = [*SMALL, "trainer.max_staleness=1"]  # a round ahead of the trainer


def simctl(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Call the command line, and return what it printed."""
    return subprocess.run(
        [SIMCTL, *map(str, arguments)], capture_output=True, text=True, check=False
    )


class Live(subprocess.Popen[str]):
    """A process that does not outlive its `with`, whatever becomes of the test."""

    def __exit__(self, *_: object) -> None:
        if self.poll() is None:
            self.kill()
        super().__exit__(None, None, None)


def start(
    run_dir: Path,
    recipe: str = "society",
    sets: Sequence[str] = SMALL,
    words: Sequence[str] = (),
    **options: Any,
) -> Live:
    """Begin a run, or go on with one that is there; with `words` more on its command line."""
    which = ["--resume", run_dir]
    if not run_dir.exists():
        which = [recipe, "--run-dir", run_dir, *(word for each in sets for word in ("--set", each))]
    where = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, **options}
    return Live([SIMCTL, "run", *which, *words], text=True, **where)


def work(bus: str, name: str, *words: str) -> Live:
    """Begin a worker."""
    where = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return Live([SIMCTL, "worker", "--bus", bus, "--name", name, *words], text=True, **where)


def waiting(*workers: Live) -> None:
    """Wait until workers wait for a run: who comes when one is over waits for another."""
    for worker in workers:
        assert worker.stdout is not None
        assert any("waiting for a run" in line for line in worker.stdout), "it has ended"


def finish(process: Live) -> str:
    """Wait until a run has finished well, and return what it printed."""
    with process:
        output, _ = process.communicate(timeout=600)
    assert process.returncode == 0, output
    return output


def ask(run_dir: Path, sql: str) -> list[dict[str, object]]:
    """Return the rows of an answer, whether the run is live or over."""
    with open_log(run_dir) as log:
        return list(log.query(sql).to_pylist())


def wait_for(happens: Callable[[], bool], seconds: float = 300) -> None:
    """Wait for what another process makes happen."""
    deadline = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)  # nothing in this process could be waited on


def last_seq(run_dir: Path) -> int:
    """How far a live run has come; -1 when nobody answers."""
    if find(run_dir) is None:
        return -1
    try:
        with open_log(run_dir) as log:
            return log.last_seq
    except Exception:  # noqa: BLE001 - it may be killed between the two lines
        return -1


def chain(run_dir: Path) -> list[str]:
    """Return the hashes of a run's events."""
    with open_log(run_dir) as log:
        return [event.hash for event in log.read()]


def assert_whole(run_dir: Path) -> None:
    """The log is whole, and every batch trained once."""
    checked = simctl("store", "check", run_dir)
    assert checked.returncode == 0, checked.stdout
    for kind in ("batch_built", "policy_updated", "policy_synced"):
        found = ask(run_dir, f"select version from {kind} order by seq")  # noqa: S608
        assert [row["version"] for row in found] == [1, 2, 3]


def final_sha256(run_dir: Path) -> str:
    """Return the hash of the last weights, which must be those that were committed."""
    policies = PolicyStore(run_dir / "policies")
    policies.verify(policies.latest())
    return policies.sha256(policies.latest())


def trainer_of(process: subprocess.Popen[str]) -> int | None:
    """Return the process id of a run's trainer, if it has one now."""
    return next((pid for pid in descendants(process.pid) if name(pid) == TRAINER), None)


def followers_of(trainer: int) -> list[int]:
    """Return the process ids of those that learn with a trainer."""
    return [pid for pid in descendants(trainer) if "simctl.trainer" in title(pid)]
