"""What was acknowledged is in the log, however its process ended."""

import os
import random
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from invariants import assert_kept, assert_whole

from simctl.bus.event import Draft, Event, Utterance
from simctl.bus.messages import MessageRejected
from simctl.store.duck import DuckLog
from simctl.store.errors import LogBrokenError

Append = Callable[..., list[Event]]
_WRITER = """
import asyncio, sys
from pathlib import Path
from simctl.bus.event import Draft, Utterance
from simctl.bus.messages import RunResumed
from simctl.store.duck import DuckLog

said = Utterance((1, 2), (3,) * 200, (-1.0,) * 200)

async def write(log, producer, start):
    for pseq in range(start, 10**9):
        message = RunResumed(incarnation=pseq)
        [event] = await log.append(
            [Draft(producer, 0, pseq, message, producer, utterance=said)]
        )
        sys.stdout.write(f"{event.seq} {event.hash}\\n")
        sys.stdout.flush()

async def main():
    log = DuckLog(Path(sys.argv[1]), run="run-a")
    if sys.argv[2] == "journal":
        log.begin_journal()
    known = {}
    for event in log.read():
        known[event.producer] = event.pseq + 1
    names = [f"writer-{number}" for number in range(8)]
    await asyncio.gather(*(write(log, name, known.get(name, 0)) for name in names))

asyncio.run(main())
"""


@pytest.mark.parametrize(
    "kills", [3, pytest.param(10, marks=[pytest.mark.slow, pytest.mark.timeout(900)])]
)
@pytest.mark.parametrize("front", ["file", "journal"])
def test_a_killed_writer_loses_nothing_acknowledged(run_dir: Path, kills: int, front: str):
    path = run_dir / "log.duckdb"
    dice = random.Random(kills)  # noqa: S311 - only to kill at different moments
    acknowledged: dict[int, str] = {}
    for _ in range(kills):
        acknowledged |= _acknowledged_before_kill(path, front, dice.randrange(1, 120))
        with DuckLog(path, run="run-a") as log:
            assert_whole(log)
            written = {event.seq: event.hash for event in log.read()}
        assert acknowledged.items() <= written.items()
    assert acknowledged


def _acknowledged_before_kill(path: Path, front: str, lines: int) -> dict[int, str]:
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER, path, front], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        heard = [line for line, _ in zip(writer.stdout, range(lines), strict=False)]
        writer.send_signal(signal.SIGKILL)
        heard += [line for line in writer.stdout if line.endswith("\n")]
    return {int(seq): digest for seq, digest in map(str.split, heard)}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("only root may mount the small disk that this test fills")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", tmp_path],  # noqa: S607
        check=False,
        capture_output=True,
        text=True,
    )
    if mounted.returncode != 0:
        pytest.skip(f"this machine lets nobody mount the small disk: {mounted.stderr}")
    try:
        yield tmp_path
    finally:
        subprocess.run(["umount", "-l", tmp_path], check=True)  # noqa: S607


def test_a_full_disk_ends_the_log_clearly_and_loses_nothing(small_disk: Path, append: Append):
    path = small_disk / "log.duckdb"
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(4_000_000))
    acknowledged: list[Event] = []
    log = DuckLog(path, run="run-a", patience=0.1)
    with pytest.raises(LogBrokenError, match="simctl run --resume"):
        _append_until_full(log, append, acknowledged)
    with pytest.raises(LogBrokenError, match="takes nothing more"):
        append(log, [_long(len(acknowledged))])
    log.close()
    ballast.unlink()
    _goes_on(path, append, acknowledged)


@pytest.mark.parametrize("front", ["file", "journal"])
def test_a_full_disk_stops_the_intake_until_there_is_room(
    small_disk: Path, append: Append, front: str
):
    path = small_disk / "log.duckdb"
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(4_000_000))
    acknowledged: list[Event] = []
    told: list[str] = []

    def hear(trouble: str) -> None:
        told.append(trouble)
        ballast.unlink()

    with DuckLog(path, run="run-a", on_trouble=hear) as log:
        if front == "journal":
            log.begin_journal()
        while not told:
            acknowledged += append(log, [_long(len(acknowledged))])
        acknowledged += append(log, [_long(len(acknowledged))])
        assert told == ["the disk is full: waiting up to 60 s for room"]
        assert log.last_seq == len(acknowledged)
        assert_kept(log, acknowledged)
    _goes_on(path, append, acknowledged)


def test_a_file_that_may_not_grow_ends_the_log_clearly_and_loses_nothing(
    run_dir: Path, append: Append
):
    path = run_dir / "log.duckdb"
    acknowledged: list[Event] = []
    log = DuckLog(path, run="run-a", patience=0.1)
    with _files_up_to(2_000_000):
        with pytest.raises(LogBrokenError, match="simctl run --resume"):
            _append_until_full(log, append, acknowledged)
        log.close()
    assert acknowledged
    _goes_on(path, append, acknowledged)


def test_an_append_goes_through_when_the_file_may_grow_again(run_dir: Path, append: Append):
    path = run_dir / "log.duckdb"
    acknowledged: list[Event] = []
    full = threading.Event()
    with (
        _files_up_to(2_000_000),
        DuckLog(path, run="run-a", on_trouble=lambda _: full.set()) as log,
    ):
        while not full.is_set():
            pending = log.submit([_long(len(acknowledged))])
            while not pending.done() and not full.wait(0.01):
                pass
            if full.is_set():
                assert not pending.done()
                assert len(list(log.read())) == len(acknowledged)
                _let_files_grow()
            acknowledged += pending.result()
        assert_kept(log, acknowledged)
    _goes_on(path, append, acknowledged)


def test_nobody_waits_for_room_who_has_lost_patience(run_dir: Path):
    path = run_dir / "log.duckdb"
    full = threading.Event()
    with (
        _files_up_to(2_000_000),
        DuckLog(path, run="run-a", on_trouble=lambda _: full.set()) as log,
    ):
        pending = log.submit([_long(number) for number in range(100)])
        full.wait()
        log.lose_patience()
        with pytest.raises(LogBrokenError, match="simctl run --resume"):
            pending.result()


def _goes_on(path: Path, append: Append, acknowledged: list[Event]) -> None:
    with DuckLog(path, run="run-a") as log:
        append(log, [_long(log.last_seq)])
        assert_kept(log, acknowledged)


@contextmanager
def _files_up_to(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _let_files_grow() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


def _append_until_full(log: DuckLog, append: Append, acknowledged: list[Event]) -> None:
    for number in range(10_000):
        acknowledged += append(log, [_long(number)])


def _long(pseq: int) -> Draft:
    text = random.Random(pseq).randbytes(10_000).hex()  # noqa: S311 - must not compress well
    message = MessageRejected(reason="long", text=text)
    return Draft("society", 0, pseq, message, "society", utterance=Utterance((1,), (2,), (-1.0,)))
