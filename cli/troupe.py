"""A troupe: processes that play trials side by side. One that fails does not stop the others."""

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Callable, Iterable
from contextlib import suppress

from simctl.cli.stop import Stop
from simctl.cli.trials import Trial
from simctl.store import address
from simctl.store.errors import StoreError

# a player whose troupe is killed ends, to be gone on with
_SIMCTL = (
    sys.executable,
    "-c",
    "from simctl.cli import heir; heir.watch(); from simctl.cli.main import main; main()",
)
Tell = Callable[[str], None]


class _StoppedError(Exception):
    """Somebody asked to stop."""


def play_all(trials: Iterable[Trial], jobs: int, tell: Tell) -> bool:
    """Play trials to their ends, `jobs` at a time; return whether somebody stopped it before.

    A run that broke off goes on. Ctrl-C ends those that are played cleanly, to go on later.
    `tell` hears of each trial how it ended.
    """
    troupe = _Troupe(jobs, tell)
    with Stop() as stop:
        return asyncio.run(troupe.play(trials, stop))


class _Troupe:
    """What the players share."""

    def __init__(self, jobs: int, tell: Tell) -> None:
        self._seats = asyncio.Semaphore(jobs)
        self._tell = tell

    async def play(self, trials: Iterable[Trial], stop: Stop) -> bool:
        """Play trials until all have ended, or somebody stops it: then return True."""
        stopped = False
        try:
            async with asyncio.TaskGroup() as group:
                stopping = group.create_task(_stopped(stop), name="stop")
                async with asyncio.TaskGroup() as players:
                    for trial in trials:
                        players.create_task(self._play(trial), name=trial.title)
                stopping.cancel()
        except* _StoppedError:
            stopped = True
        return stopped

    async def _play(self, trial: Trial) -> None:
        async with self._seats:
            try:
                fault = await _played(trial)
            except StoreError as error:
                fault = str(error)
        self._tell(f"{trial.title}: {f'failed: {fault}' if fault else 'finished'}")


async def _stopped(stop: Stop) -> None:
    await stop.wait()
    raise _StoppedError


async def _played(trial: Trial) -> str:
    """Play what is left of a trial; return what went wrong."""
    owner = address.find(trial.run_dir)
    if owner is not None:
        return f"{trial.run_dir} is live in process {owner.pid}; wait until that has ended"
    return "" if trial.is_finished() else await _run(trial)


async def _run(trial: Trial) -> str:
    """Play a trial in a process of its own; return what went wrong."""
    process = await asyncio.create_subprocess_exec(
        *_SIMCTL,
        *trial.words(),
        stdin=PIPE,  # nothing is said: it ends with us
        stdout=DEVNULL,
        stderr=PIPE,
        start_new_session=True,  # Ctrl-C is ours to hear, and to pass on
    )
    if process.stderr is None:
        raise TypeError("the player has no standard error")
    try:
        said = await process.stderr.read()
        await process.wait()
    except asyncio.CancelledError:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
        raise
    if process.returncode == 0:
        return ""
    lines = said.decode(errors="replace").strip().splitlines()
    reason = lines[-1].removeprefix("error: ") if lines else f"exit code {process.returncode}"
    return f"{reason} (in {trial.run_dir})"
