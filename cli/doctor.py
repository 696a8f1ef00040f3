"""Examines the machine: all that a report of a fault should say, and what would not work here."""

import asyncio
import os
import platform
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

from rich.text import Text

import simctl
from simctl.agents.policy.sampler import Completion, Request
from simctl.agents.policy.transformers import TransformersSampler
from simctl.bus.asks import Sampling
from simctl.bus.quiescence import Quiescence
from simctl.cli.policies import base
from simctl.cli.recipe import EMBEDDED
from simctl.cli.runs import all_runs
from simctl.cli.tables import console, pairs
from simctl.store.policies import WEIGHTS, hash_file

_PACKAGES = ("torch", "transformers", "duckdb", "pyarrow", "pydantic")
_LEAST_FREE = 1 << 30  # bytes: a run of the default size takes about a tenth of it
_PROBLEM = "@3k+4l*2m-5>"


class _SickError(Exception):
    """Something would not work here."""


def examine(runs_dir: Path) -> int:
    """Print what was found; return 1 if something would not work."""
    found = pairs()
    sick = 0
    for name, check in _checks(runs_dir):
        try:
            said, mark = check(), Text("✓ ", "green")
        except (_SickError, OSError, ValueError) as error:
            said, mark, sick = str(error), Text("✗ ", "red"), sick + 1
        found.add_row(mark.append(name, "bold"), said)
    console().print(found, highlight=False)
    return 1 if sick else 0


def _checks(runs_dir: Path) -> Iterator[tuple[str, Callable[[], str]]]:
    yield "simctl", lambda: f"{simctl.__version__} on Python {platform.python_version()}"
    yield "packages", lambda: ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    yield "machine", _machine
    yield "threads", _threads
    yield "disk", lambda: _disk(runs_dir)
    yield "socket", _socket
    yield "runs", lambda: f"{len(all_runs(runs_dir))} in {runs_dir.absolute()}"
    yield "policy", lambda: f"{EMBEDDED}, sha256 {hash_file(base(EMBEDDED) / WEIGHTS)}"
    yield "answer", lambda: asyncio.run(_answers())


def _machine() -> str:
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"


def _threads() -> str:
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "MKL_CBWR")
    return ", ".join(f"{name}={os.environ.get(name, 'unset')}" for name in names)


def _disk(runs_dir: Path) -> str:
    place = next(
        each for each in (runs_dir.absolute(), *runs_dir.absolute().parents) if each.exists()
    )
    free = shutil.disk_usage(place).free
    if free < _LEAST_FREE:
        raise _SickError(f"only {free / 1e9:.1f} GB free at {place}: a run may fill it")
    if not os.access(place, os.W_OK):
        raise _SickError(f"{place} cannot be written to: give another --runs-dir")
    return f"{free / 1e9:.0f} GB free at {place}"


def _socket() -> str:
    with tempfile.TemporaryDirectory() as place, socket.socket(socket.AF_UNIX) as probe:
        probe.bind(f"{place}/store.sock")
    return "Unix sockets work: other processes can ask a live run"


async def _answers() -> str:
    """Answer one question alone and in company: the bits must not depend on who shares a batch."""
    quiescence = Quiescence()
    sampler = TransformersSampler(base(EMBEDDED), 0, quiescence)
    requests = [Request(_PROBLEM, key, Sampling()) for key in range(32)]
    async with asyncio.TaskGroup() as group:
        helper = group.create_task(quiescence.run())
        [alone] = await sampler.sample(requests[:1])
        [together, *_] = await sampler.sample(requests)
        helper.cancel()
    return _compared(alone, together)


def _compared(alone: Completion, together: Completion) -> str:
    if alone.tokens != together.tokens:
        raise _SickError(
            "an answer changes with the batch that it shares: seeds do not repeat here"
        )
    delta = max(abs(a - b) for a, b in zip(alone.logprobs, together.logprobs, strict=True))
    exact = "bit by bit" if delta == 0 else f"to {delta:.1g} nats"
    return f"{_PROBLEM} {alone.text.strip()}, the same alone and in a batch of 32 {exact}"
