"""Other processes have the log while its owner writes it."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

import pytest

from simctl.bus.event import Draft, Event, Utterance
from simctl.bus.messages import RoundEnded, RunResumed
from simctl.store import address
from simctl.store.access import open_log
from simctl.store.address import Address
from simctl.store.client import RemoteLog
from simctl.store.duck import DuckLog
from simctl.store.errors import DraftRefusedError, OwnerGoneError, QueryError, RunMissingError
from simctl.store.finished import FinishedLog
from simctl.store.server import Endpoint

Append = Callable[..., list[Event]]
Say = Callable[..., Draft]
_ENDLESS = "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE (a.range ^ b.range) = 3"
_OWNER = """
import sys, threading
from pathlib import Path
from simctl.store.duck import DuckLog
from simctl.store.server import Endpoint
run_dir = Path(sys.argv[1])
log = DuckLog(run_dir / "log.duckdb", run="run-a")
with Endpoint(log, run_dir, log.submit):
    print("live", flush=True)
    threading.Event().wait()
"""


@pytest.fixture
def remote(duck: DuckLog, run_dir: Path):
    with Endpoint(duck, run_dir, duck.submit), RemoteLog.of(run_dir) as log:
        yield log


@pytest.fixture
def owner(run_dir: Path):
    with subprocess.Popen(
        [sys.executable, "-c", _OWNER, run_dir], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "live\n"
        yield process
        process.kill()


def test_a_remote_log_reads_what_the_owner_has(
    remote: RemoteLog, duck: DuckLog, append: Append, say: Say, speech: Utterance
):
    events = append(duck, [say(0), say(1, utterance=speech), say(2)])
    assert remote.last_seq == 3
    assert list(remote.read()) == events
    assert list(remote.read(1, 2)) == events[1:2]
    assert list(remote.read(3)) == []
    assert list(remote.read(3, 9)) == []


def test_a_long_log_comes_in_pages(remote: RemoteLog, duck: DuckLog, append: Append, say: Say):
    append(duck, [say(number) for number in range(5000)])
    assert [event.seq for event in remote.read()] == list(range(1, 5001))


def test_a_query_is_answered_with_its_types(
    remote: RemoteLog, duck: DuckLog, append: Append, say: Say, speech: Utterance
):
    append(duck, [say(0, utterance=speech)])
    sql = "SELECT seq, tokens, cause FROM events"
    assert remote.query(sql) == duck.query(sql)
    assert remote.query("SELECT 1 AS a WHERE false").column_names == ["a"]


def test_an_error_of_the_owner_is_raised_here(remote: RemoteLog, say: Say):
    with pytest.raises(QueryError, match="LINE 1: SELECT nothing"):
        remote.query("SELECT nothing FROM events")
    with pytest.raises(QueryError, match="more than 3 rows"):
        remote.query("FROM range(4)", max_rows=3)
    with pytest.raises(DraftRefusedError, match="next number is 0"):
        remote.append([say(1)])


def test_what_another_process_says_goes_through_the_bus(
    duck: DuckLog, run_dir: Path, say: Say, speech: Utterance
):
    published: list[Draft] = []

    def publish(drafts: Sequence[Draft]) -> Future[list[Event]]:
        published.extend(drafts)
        return duck.submit(drafts)

    drafts = [say(0, utterance=speech), say(1, cause=None, task=4)]
    with Endpoint(duck, run_dir, publish), RemoteLog.of(run_dir) as remote:
        events = remote.append(drafts)
        assert remote.append(drafts) == events
    assert published == drafts * 2
    assert list(duck.read()) == events


def test_a_follower_hears_every_commit_in_order(
    remote: RemoteLog, duck: DuckLog, append: Append, say: Say
):
    heard: list[int] = []

    def follow() -> None:
        for events in remote.follow():
            heard.extend(event.seq for event in events)
            if heard[-1] == 50:
                return

    following = threading.Thread(target=follow)
    following.start()
    for number in range(50):
        append(duck, [say(number)])
    following.join()
    assert heard == list(range(1, 51))


def test_who_waits_for_a_kind_of_event_hears_with_it_what_came_before(
    remote: RemoteLog, duck: DuckLog, append: Append, say: Say
):
    following = remote.follow(0, "round_ended", "play_ended")
    append(duck, [say(0)])
    append(duck, [say(1)])
    ended = RoundEnded(episodes=1, failed=0)
    threading.Timer(0.2, append, (duck, [say(2, message=ended)])).start()
    assert [event.seq for event in next(following)] == [1, 2, 3]


def test_who_waits_for_a_kind_of_event_is_told_at_once_what_an_earlier_owner_wrote(
    run_dir: Path, append: Append, say: Say
):
    with DuckLog(run_dir / "log.duckdb", run="run-a") as log:
        append(log, [say(0, message=RoundEnded(episodes=1, failed=0)), say(1)])
    with (
        DuckLog(run_dir / "log.duckdb", run="run-a") as log,
        Endpoint(log, run_dir, log.submit),
        RemoteLog.of(run_dir) as remote,
    ):
        assert [event.seq for event in next(remote.follow(0, "round_ended"))] == [1, 2]


def test_a_slow_follower_hears_all_in_order_and_holds_nobody_back(
    remote: RemoteLog, duck: DuckLog, append: Append, say: Say
):
    following = remote.follow()
    append(duck, [say(0)])
    heard = [event.seq for event in next(following)]
    for number in range(1, 100):  # all of them are acknowledged before it asks again
        append(duck, [say(100 * number + n - 99) for n in range(100)])
    while heard[-1] < duck.last_seq:
        heard.extend(event.seq for event in next(following))
    assert heard == list(range(1, 9902))


def test_a_follower_waits_for_no_clock(remote: RemoteLog, duck: DuckLog, append: Append, say: Say):
    following = remote.follow()
    threading.Timer(0.2, append, (duck, [say(0)])).start()
    began = time.monotonic()
    [event] = next(following)
    assert event.seq == 1
    assert time.monotonic() - began < 10  # the question itself stays open for a minute


async def test_many_read_while_one_writes(duck: DuckLog, run_dir: Path, say: Say):
    async def write() -> None:
        for number in range(30):
            await duck.append([say(number)])

    def read() -> None:
        with RemoteLog.of(run_dir) as remote:
            last = 0
            while last < 30:
                [found] = remote.query(
                    "SELECT count(*) AS rows, coalesce(max(seq), 0) AS last FROM events"
                ).to_pylist()
                assert found["rows"] == found["last"] >= last
                last = found["last"]

    with Endpoint(duck, run_dir, duck.submit):
        async with asyncio.TaskGroup() as group:
            group.create_task(write())
            for _ in range(4):
                group.create_task(asyncio.to_thread(read))


def test_a_live_run_is_asked_and_a_finished_one_is_read(run_dir: Path, append: Append, say: Say):
    with DuckLog(run_dir / "log.duckdb", run="run-a") as duck:
        events = append(duck, [say(0)])
        with Endpoint(duck, run_dir, duck.submit), open_log(run_dir) as log:
            assert isinstance(log, RemoteLog)
            assert log.status()["pid"] == os.getpid()
            assert list(log.read()) == events
    with open_log(run_dir) as log:
        assert isinstance(log, FinishedLog)
        assert list(log.read()) == events
    assert {each.name for each in run_dir.iterdir()} == {"log.duckdb", "log.tail"}


def test_a_follower_is_told_when_the_owner_is_killed(owner: subprocess.Popen[str], run_dir: Path):
    with RemoteLog.of(run_dir) as remote:
        threading.Timer(0.2, owner.send_signal, (signal.SIGKILL,)).start()
        with pytest.raises(OwnerGoneError, match=f"process {owner.pid}.* is gone"):
            next(remote.follow())


def test_a_follower_is_told_when_the_owner_ends(duck: DuckLog, run_dir: Path):
    with Endpoint(duck, run_dir, duck.submit):
        remote = RemoteLog.of(run_dir)
        heard: list[str] = []
        thread = threading.Thread(target=_follow, args=(remote, heard))
        thread.start()
        duck.submit([Draft("society", 0, 0, RunResumed(incarnation=1), "society")]).result()
        while not heard:
            assert thread.is_alive()
    thread.join()
    assert heard == ["event 1", "the end"]


def test_who_asks_too_much_of_an_owner_that_ends_is_told_so(duck: DuckLog, run_dir: Path):
    told: list[str] = []

    def ask(remote: RemoteLog) -> None:
        with remote, pytest.raises(OwnerGoneError) as caught:
            remote.query(_ENDLESS)
        told.append(str(caught.value))

    with Endpoint(duck, run_dir, duck.submit):
        asking = threading.Thread(target=ask, args=(RemoteLog.of(run_dir),))
        asking.start()
        while not duck._queries._running:  # noqa: SLF001 - there is no other sign that it began
            time.sleep(0.001)  # the lock of the interpreter is free meanwhile
    asking.join()
    assert "is gone: it ended before it could answer" in told[0]


def test_an_append_to_a_run_that_ends_is_told_so(duck: DuckLog, run_dir: Path, say: Say):
    cancelled: Future[list[Event]] = Future()
    cancelled.cancel()
    with (
        Endpoint(duck, run_dir, lambda _: cancelled),
        RemoteLog.of(run_dir) as remote,
        pytest.raises(OwnerGoneError, match="is ending"),
    ):
        remote.append([say(0)])


def _follow(remote: RemoteLog, heard: list[str]) -> None:
    with remote, suppress(OwnerGoneError):
        for events in remote.follow():
            heard.extend(f"event {event.seq}" for event in events)
    heard.append("the end")


def test_what_a_killed_owner_leaves_behind_misleads_nobody(
    owner: subprocess.Popen[str], run_dir: Path
):
    owner.kill()
    owner.wait()
    assert (run_dir / "endpoint.json").exists()
    with open_log(run_dir) as log:
        assert isinstance(log, FinishedLog)
    with pytest.raises(RunMissingError, match="not live"):
        RemoteLog.of(run_dir)


def test_who_finds_nobody_takes_nothing_away_that_may_be_of_the_next_owner(
    owner: subprocess.Popen[str], run_dir: Path
):
    owner.kill()
    owner.wait()
    left = {path.name: path.lstat().st_ino for path in run_dir.iterdir()}
    assert address.find(run_dir) is None
    assert {path.name: path.lstat().st_ino for path in run_dir.iterdir()} == left
    assert {"endpoint.json", "store.sock"} <= left.keys()


def test_an_address_that_somebody_else_took_over_is_not_used(run_dir: Path):
    socket_ = run_dir / "store.sock"
    gone = Address(run="run-a", directory=run_dir.resolve(), pid=os.getpid(), socket=socket_)
    address.publish(run_dir, gone)
    assert address.find(run_dir) is None
    (run_dir / "endpoint.json").write_text("{")
    assert address.find(run_dir) is None


def test_a_copy_of_a_live_run_is_not_answered_by_the_original(
    duck: DuckLog, run_dir: Path, tmp_path: Path
):
    with Endpoint(duck, run_dir, duck.submit):
        (tmp_path / "copy").mkdir()
        shutil.copy(run_dir / "endpoint.json", tmp_path / "copy")
        assert address.find(tmp_path / "copy") is None
        assert address.find(run_dir) is not None


def test_a_run_deep_in_the_tree_is_reached(tmp_path: Path, append: Append, say: Say):
    run_dir = tmp_path / ("deep" * 20) / ("deeper" * 10)
    run_dir.mkdir(parents=True)
    with DuckLog(run_dir / "log.duckdb", run="run-a") as duck:
        append(duck, [say(0)])
        with Endpoint(duck, run_dir, duck.submit), RemoteLog.of(run_dir) as remote:
            path = remote.owner.socket
            assert remote.last_seq == 1
    assert not path.parent.exists()


def test_only_the_user_may_connect(duck: DuckLog, run_dir: Path):
    with Endpoint(duck, run_dir, duck.submit):
        assert (run_dir / "store.sock").stat().st_mode & 0o077 == 0
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(run_dir / "store.sock"))
