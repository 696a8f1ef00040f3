"""A nursery: a process that is forked early, and forks trainers of a run when it is asked.

They share what this process has imported, and so begin at once instead of after seconds. A process
can be forked safely only while it has one thread and no GPU: before the log is opened, that is.
"""

import asyncio
import gc
import os
import signal
import socket
import sys
import threading
import traceback
import warnings
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from simctl.agents.policy.transformers import has_gpu
from simctl.cli import heir
from simctl.trainer import process

_MOMENT = 0.5  # seconds in which what turned while torch was loaded comes to an end


class Nursery:
    """Begins trainers, one after the other."""

    def __init__(self, keeper: int, end: socket.socket) -> None:
        """Talk to the process `keeper` at the other end of a pair of sockets."""
        self._keeper = keeper
        self._end = end
        self._end.setblocking(False)

    async def begin(self, run_dir: Path, log: int) -> "Trainee":
        """Let a trainer of a run begin, which writes what it prints to the descriptor `log`."""
        loop = asyncio.get_running_loop()
        socket.send_fds(self._end, [bytes(run_dir)], [log])
        pid = int(await loop.sock_recv(self._end, 64))
        return Trainee(pid, self._end)

    def close(self) -> None:
        """Let the process end; its trainers have ended before."""
        self._end.close()
        with suppress(ChildProcessError):
            os.waitpid(self._keeper, 0)


class Trainee:
    """A trainer in a process of its own, as `asyncio.subprocess.Process` has one."""

    def __init__(self, pid: int, end: socket.socket) -> None:
        """Hear at `end` how the process `pid` ended."""
        self.pid = pid
        self.returncode: int | None = None
        self._end = end

    async def wait(self) -> int:
        """Return its exit status when it has ended; of a signal, its number below zero."""
        if self.returncode is None:
            said = await asyncio.get_running_loop().sock_recv(self._end, 64)
            self.returncode = int(said or -signal.SIGKILL)  # whoever keeps it was killed with it
        return self.returncode

    def terminate(self) -> None:
        """Ask it to stop."""
        os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        os.kill(self.pid, signal.SIGKILL)


@contextmanager
def nursery() -> Generator[Nursery | None]:
    """Fork this process, for trainers to come; give None where that is not safe.

    On other systems than Linux their own libraries forbid it.
    """
    if sys.platform != "linux" or has_gpu() or _has_threads():
        yield None
        return
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    gc.freeze()  # what is shared stays shared: the collector need not touch it
    keeper = _fork()
    if keeper == 0:
        ours.close()
        _keep(theirs)
    gc.unfreeze()
    theirs.close()
    kept = Nursery(keeper, ours)
    try:
        yield kept
    finally:
        kept.close()


def _has_threads() -> bool:
    """Tell whether another thread runs, but one that only waits; who is about to end may end."""
    others = [
        each
        for each in threading.enumerate()
        if each is not threading.main_thread() and each.name != heir.NAME
    ]
    for each in others:
        each.join(_MOMENT)
    return any(each.is_alive() for each in others)


def _fork() -> int:
    with warnings.catch_warnings():
        # a thread of an allocator, which takes care of itself, counts as one for Python 3.12
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _keep(end: socket.socket) -> NoReturn:
    """Fork a trainer whenever the owner asks, and tell how it ended, until the owner is gone."""
    try:
        os.setsid()  # Ctrl-C is the society's to hear
        null = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(null, stream)
        while True:
            asked, [*logs], _, _ = socket.recv_fds(end, 4096, 1)
            if not asked:
                break
            pid = _fork()
            if pid == 0:
                end.close()
                _train(Path(os.fsdecode(asked)), *logs)
            os.close(*logs)
            end.send(str(pid).encode())
            end.send(str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])).encode())
    finally:
        os._exit(0)


def _train(run_dir: Path, log: int) -> NoReturn:
    code = 1
    try:
        os.setsid()
        os.dup2(log, 1)
        os.dup2(log, 2)
        code = process.main(["--run-dir", str(run_dir)])
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:  # noqa: BLE001 - as an interpreter would do
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
