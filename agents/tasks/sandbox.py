"""The sandbox: runs a program that nobody vouches for, on inputs, and returns its outputs.

The program gets a process of its own in new user, network, process and IPC namespaces, with an
empty read-only folder as its root, no environment, no capabilities and hard limits on CPU, memory,
files and processes; a guard outside ends it at the deadline. Only inputs go in and outputs come
out: what is right is never told, so a program that writes the report itself gains nothing. Where
the kernel does not allow the namespaces, nothing is run.
"""

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import Literal

from pydantic import Field, TypeAdapter, ValidationError

from simctl.agents.tasks.environment import TaskError
from simctl.bus.values import Value

Outcome = Literal["finished", "failed", "late", "killed", "flooded"]
OUTCOMES: tuple[Outcome, ...] = ("finished", "failed", "late", "killed", "flooded")
_CELL = Path(__file__).with_name("cell.py")
_LATE, _REFUSED = 124, 125  # exit codes of the guard
_REPORT = 1 << 16  # bytes of a report that are read
_GRACE = 10.0  # seconds that starting may take beside the program, on a busy machine
_HARMLESS = "def f(x):\n    return x\n"
_REFUSAL = (
    "this platform cannot lock Python programs in ({reason}), so none is run; they need Linux with "
    "user namespaces: sysctl user.max_user_namespaces above 0 and, on Ubuntu, "
    "kernel.apparmor_restrict_unprivileged_userns=0, in a container a seccomp profile that allows "
    'unshare. Or let task.language be "stack", which needs no sandbox'
)


class SandboxRefusedError(TaskError):
    """This platform cannot lock a program in, so none is run."""


class Ran(Value):
    """How a program ended, and its outputs: whole numbers, None where it gave none.

    `failed` programs raised before there was a function `f`, or wrote into the report; `late` ones
    passed the deadline, `killed` ones a hard limit, `flooded` ones wrote a report without end.
    """

    outcome: Outcome
    outputs: tuple[int | None, ...] = ()


class Sandbox(Value):
    """The limits of a program."""

    seconds: float = Field(default=2.0, gt=0, description="longest that a program may run")
    memory: int = Field(default=256, ge=64, description="most memory of a program, in MiB")
    at_once: int = Field(default=4, ge=1, description="most programs that run side by side")

    def run(self, program: str, inputs: Sequence[int]) -> Ran:
        """Call the function `f` that a Python program defines with each of the inputs.

        Raises:
            SandboxRefusedError: programs cannot be locked in here.
        """
        if sys.platform != "linux":
            raise SandboxRefusedError(_REFUSAL.format(reason=f"it is {sys.platform}"))
        job = {
            "program": program,
            "inputs": list(inputs),
            "seconds": self.seconds,
            "memory": self.memory << 20,
            "late": _LATE,
            "refused": _REFUSED,
        }
        with tempfile.TemporaryDirectory(prefix="simctl-", ignore_cleanup_errors=True) as folder:
            Path(folder).chmod(0o555)  # it is empty: anybody may look, and nobody write
            code, report = _run_cell(json.dumps(job).encode(), folder, self.seconds + _GRACE)
            Path(folder).chmod(0o700)
        match code:
            case 0:
                return _read(report, len(inputs))
            case _ if code == _REFUSED:
                reason = report.decode(errors="replace")
                raise SandboxRefusedError(_REFUSAL.format(reason=reason))
            case _ if len(report) > _REPORT:
                return Ran(outcome="flooded")
            case _:
                return Ran(outcome="late" if code == _LATE else "killed")

    def require(self) -> None:
        """Make sure that programs can be run here.

        Raises:
            SandboxRefusedError: they cannot.
        """
        ran = self.run(_HARMLESS, [1])
        if ran.outputs != (1,):
            reason = f"one that does nothing is {ran.outcome}"
            raise SandboxRefusedError(_REFUSAL.format(reason=reason))


def _run_cell(job: bytes, folder: str, seconds: float) -> tuple[int, bytes]:
    """Let the cell do a job; return its exit code and the beginning of its report."""
    with subprocess.Popen(  # noqa: S603 - our own interpreter and file
        [sys.executable, "-I", "-S", "-B", str(_CELL)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        env={},
        start_new_session=True,
    ) as cell:
        try:
            report = _talk(cell, job, monotonic() + seconds)
        finally:
            _end(cell)
        return cell.returncode, report


def _talk(cell: subprocess.Popen[bytes], job: bytes, deadline: float) -> bytes:
    """Give the cell its job; return what it reports until it ends, says too much or is late."""
    if cell.stdin is None or cell.stdout is None:
        raise TypeError("the cell has no pipes")
    try:
        cell.stdin.write(job)
        cell.stdin.close()
    except BrokenPipeError:
        return b""
    report = bytearray()
    with selectors.DefaultSelector() as ready:
        ready.register(cell.stdout, selectors.EVENT_READ)
        while len(report) <= _REPORT and ready.select(deadline - monotonic()):
            read = os.read(cell.stdout.fileno(), _REPORT)
            if not read:
                cell.wait(max(0.0, deadline - monotonic()))
                break
            report += read
    return bytes(report)


def _end(cell: subprocess.Popen[bytes]) -> None:
    """End a cell that still runs: its guard takes the program with it at the alarm."""
    if cell.poll() is None:
        cell.send_signal(signal.SIGALRM)
        try:
            cell.wait(1.0)
        except subprocess.TimeoutExpired:
            os.killpg(cell.pid, signal.SIGKILL)


_OUTPUTS = TypeAdapter(dict[Literal["outputs"], tuple[int | None, ...]])


def _read(report: bytes, inputs: int) -> Ran:
    """Read a report that a program may have had its hands in."""
    try:
        outputs = _OUTPUTS.validate_json(report, strict=True)["outputs"]
    except (ValidationError, KeyError):
        return Ran(outcome="failed")
    whole = len(outputs) == inputs and report.count(b"\n") == 1
    return Ran(outcome="finished", outputs=outputs) if whole else Ran(outcome="failed")
