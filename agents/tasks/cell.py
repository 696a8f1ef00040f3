"""The cell: a process that locks itself in, runs one program and hands out what it returned.

sandbox.py starts it by its path, with no environment and in an empty folder. It reads a job from
its stdin as JSON and writes a report to its stdout as one line of JSON. It imports nothing but the
standard library, and what a program may import is imported before the folder becomes the root.
"""

import bisect
import cmath
import collections
import ctypes
import decimal
import fractions
import functools
import heapq
import itertools
import json
import math
import operator
import os
import re
import resource
import signal
import statistics
import string
import sys
import typing

# imported for the programs, which find no file to import from
OFFERED = (bisect, cmath, collections, decimal, fractions, functools, heapq, itertools, operator)
OFFERED_TOO = (re, statistics, string)
NOBODY = 65534
# from linux/sched.h, linux/prctl.h and linux/capability.h
NEW_USER, NEW_NET, NEW_PID, NEW_IPC = 0x10000000, 0x40000000, 0x20000000, 0x08000000
DIE_WITH_PARENT, NO_NEW_PRIVILEGES = 1, 38
CAPABILITIES_V3 = 0x20080522


def main() -> None:
    """Read the job, lock in, run it; the parent stays outside as a guard with a clock."""
    job = json.load(sys.stdin)
    report = os.dup(1)
    with open(os.devnull, "r+b") as nothing:  # noqa: PTH123 - nothing but the file is wanted
        for each in range(3):
            os.dup2(nothing.fileno(), each)
    libc = ctypes.CDLL(None, use_errno=True)
    _become_nobody()
    if libc.unshare(NEW_USER | NEW_NET | NEW_PID | NEW_IPC):
        os.write(report, os.strerror(ctypes.get_errno()).encode())
        os._exit(job["refused"])
    inside = os.fork()
    if inside:
        os.close(report)
        _guard(inside, job)
    _lock_in(libc, job)
    os.write(report, json.dumps(_answer(job["program"], job["inputs"])).encode() + b"\n")
    os._exit(0)


def _become_nobody() -> None:
    """Give root away: limits do not bind it."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)


def _guard(inside: int, job: dict[str, typing.Any]) -> None:
    """Wait for the process inside, and end it when the clock says so.

    No exit code of a program is passed on: some mean something.
    """

    def late(*_: object) -> None:
        os.kill(inside, signal.SIGKILL)
        os._exit(job["late"])

    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, job["seconds"])
    _, status = os.waitpid(inside, 0)
    os._exit(1 if status else 0)


def _lock_in(libc: ctypes.CDLL, job: dict[str, typing.Any]) -> None:
    """Leave nothing but memory, a clock and an empty folder as the root."""
    os.setsid()  # or signals to its own group would reach the guard
    os.chroot(".")
    os.chdir("/")
    seconds = math.ceil(job["seconds"])
    for limit, value in (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, job["memory"]),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 16),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
    ):
        resource.setrlimit(limit, (value, value))
    header, none = (ctypes.c_uint32 * 2)(CAPABILITIES_V3, 0), (ctypes.c_uint32 * 6)()
    for failed in (
        libc.capset(header, none),
        libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0),
        libc.prctl(DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0),
    ):
        if failed:
            raise OSError(ctypes.get_errno(), "cannot give up privileges")


def _answer(program: str, inputs: list[typing.Any]) -> dict[str, typing.Any]:
    """Return the output of the program's `f` for each input, null where it raises."""
    names: dict[str, typing.Any] = {"__name__": "program"}
    try:
        exec(compile(program, "program", "exec"), names)  # noqa: S102 - it is what the cell is for
        function = names["f"]
    except BaseException as error:  # noqa: BLE001 - whatever a program raises is its failure
        return {"error": type(error).__name__}
    return {"outputs": [_output(function, each) for each in inputs]}


def _output(function: typing.Any, given: typing.Any) -> int | None:
    try:
        output = function(given)
    except BaseException:  # noqa: BLE001 - whatever a program raises is its failure
        return None
    return output if type(output) is int and abs(output) < 1 << 63 else None


if __name__ == "__main__":
    main()
