"""The trainer process: started, watched, and started again when it dies."""

import asyncio
import sys
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # it loads torch
    from simctl.cli.nursery import Nursery, Trainee

LOG_FILE = "trainer.log"
MAX_DEATHS = 3  # in a row, without a new policy in between
SHUTDOWN_SECONDS = 20
Live = Callable[[Path], Awaitable[str]]  # lets a trainer of a run live, and tells how it ended


class TrainerFailedError(Exception):
    """The trainer process died again and again."""


class TrainerProcess:
    """Keeps a trainer alive beside a run. It finds its own place from its last checkpoint."""

    def __init__(
        self,
        run_dir: Path,
        died: Callable[[str], Awaitable[None]],
        nursery: "Nursery | None",
        torchrun: Sequence[str] = (),
        *,
        elsewhere: Live | None = None,
    ) -> None:
        """Train `run_dir`; `died` hears each death that is survived.

        Without a `nursery` each trainer begins by importing all that it needs. With arguments for
        `torchrun` that is what begins it, with the processes that learn with it. It may live
        `elsewhere` than in a process of this one's.
        """
        self._run_dir = run_dir
        self._nursery = nursery
        self._elsewhere = elsewhere
        self._torchrun = torchrun
        self._died = died
        self._deaths = 0

    def moved(self) -> None:
        """Hear that a new policy came: earlier deaths are forgiven."""
        self._deaths = 0

    async def run(self) -> None:
        """Keep a trainer alive until cancelled.

        Raises:
            TrainerFailedError: it died three times without a new policy.
        """
        while True:
            how = await self._live()
            self._deaths += 1
            report = f"the trainer process {how}; see {self._log}"
            if self._deaths >= MAX_DEATHS:
                raise TrainerFailedError(f"{report}, which ends with: {self._last_words()}")
            await self._died(f"{report}; starting it again")

    @property
    def _log(self) -> Path:
        return self._run_dir / LOG_FILE

    async def _live(self) -> str:
        """Let a trainer live, and return how it ended."""
        if self._elsewhere is not None:
            return await self._elsewhere(self._run_dir)
        with self._log.open("ab") as log:
            process = await self._begin(log.fileno())
        try:
            return f"ended with code {await process.wait()}"
        except asyncio.CancelledError:
            await _stop(process)
            raise

    async def _begin(self, log: int) -> "Process | Trainee":
        if self._nursery is not None and not self._torchrun:
            return await self._nursery.begin(self._run_dir, log)
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *(("-m", "torch.distributed.run", *self._torchrun) if self._torchrun else ()),
            "-m",
            "simctl.trainer.process",
            "--run-dir",
            str(self._run_dir),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is the society's to hear, and to pass on
        )

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "nothing"


async def _stop(process: "Process | Trainee") -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(SHUTDOWN_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
