"""What was acknowledged is in the log, however its process ended."""

import os
import random
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

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
    known = {}
    for event in log.read():
        known[event.producer] = event.pseq + 1
    names = [f"writer-{number}" for number in range(8)]
    await asyncio.gather(*(write(log, name, known.get(name, 0)) for name in names))

asyncio.run(main())
"""
_CHECK = """
SELECT count(*) AS events, coalesce(max(seq), 0) AS last, count(DISTINCT id) AS ids,
    count(*) FILTER (prev_hash IS DISTINCT FROM before) AS broken,
    count(*) FILTER (pseq <> numbered) AS misplaced
FROM (
    SELECT *, lag(hash, 1, repeat('0', 64)) OVER (ORDER BY seq) AS before,
        row_number() OVER (PARTITION BY producer, epoch ORDER BY seq) - 1 AS numbered
    FROM events
)
"""


@pytest.mark.parametrize(
    "kills", [3, pytest.param(20, marks=[pytest.mark.slow, pytest.mark.timeout(300)])]
)
def test_a_killed_writer_loses_nothing_acknowledged(run_dir: Path, kills: int):
    path = run_dir / "log.duckdb"
    dice = random.Random(kills)  # noqa: S311 - only to kill at different moments
    acknowledged: dict[int, str] = {}
    for _ in range(kills):
        acknowledged |= _acknowledged_before_kill(path, dice.randrange(1, 120))
        with DuckLog(path, run="run-a") as log:
            written = {event.seq: event.hash for event in log.read()}
            [found] = log.query(_CHECK).to_pylist()
        assert acknowledged.items() <= written.items()
        assert found == {
            "events": len(written),
            "last": len(written),
            "ids": len(written),
            "broken": 0,
            "misplaced": 0,
        }
    assert acknowledged


def _acknowledged_before_kill(path: Path, lines: int) -> dict[int, str]:
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER, path], stdout=subprocess.PIPE, text=True
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
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", tmp_path],  # noqa: S607
        check=False,
        capture_output=True,
        text=True,
    )
    if mounted.returncode != 0:
        pytest.skip(f"this machine lets nobody mount the small disk: {mounted.stderr}")
    try:
        yield tmp_path
    finally:
        subprocess.run(["umount", tmp_path], check=True)  # noqa: S607


def test_a_full_disk_ends_the_log_clearly_and_loses_nothing(small_disk: Path, append: Append):
    path = small_disk / "log.duckdb"
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(1_000_000))
    acknowledged: list[Event] = []
    log = DuckLog(path, run="run-a")
    with pytest.raises(LogBrokenError, match="simctl run --resume"):
        _append_until_full(log, append, acknowledged)
    with pytest.raises(LogBrokenError, match="takes nothing more"):
        append(log, [_long(len(acknowledged))])
    log.close()
    ballast.unlink()
    with DuckLog(path, run="run-a") as log:
        assert list(log.read())[: len(acknowledged)] == acknowledged
        assert append(log, [_long(log.last_seq)])[0].seq == log.last_seq


def test_a_file_that_may_not_grow_ends_the_log_clearly_and_loses_nothing(
    run_dir: Path, append: Append
):
    path = run_dir / "log.duckdb"
    acknowledged: list[Event] = []
    log = DuckLog(path, run="run-a")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        with pytest.raises(LogBrokenError, match="simctl run --resume"):
            _append_until_full(log, append, acknowledged)
        log.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert acknowledged
    with DuckLog(path, run="run-a") as log:
        assert list(log.read())[: len(acknowledged)] == acknowledged
        assert append(log, [_long(log.last_seq)])[0].seq == log.last_seq


def _append_until_full(log: DuckLog, append: Append, acknowledged: list[Event]) -> None:
    for number in range(10_000):
        acknowledged += append(log, [_long(number)])


def _long(pseq: int) -> Draft:
    text = random.Random(pseq).randbytes(10_000).hex()  # noqa: S311 - must not compress well
    message = MessageRejected(reason="long", text=text)
    return Draft("society", 0, pseq, message, "society", utterance=Utterance((1,), (2,), (-1.0,)))
