"""A failed commit is settled by the file: what is there is not written twice, the rest is."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from invariants import assert_kept

from simctl.bus.event import Draft, Event
from simctl.store import reader
from simctl.store.database import connect
from simctl.store.duck import DuckLog
from simctl.store.errors import LogBrokenError, LogClosedError, QueryError
from simctl.store.finished import FinishedLog

Append = Callable[..., list[Event]]
Say = Callable[..., Draft]
_ENDLESS = "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE (a.range ^ b.range) = 3"


class Faults:
    """Opens files as DuckDB does, and lets some of what the writer does fail."""

    def __init__(self, *plan: str) -> None:
        self.plan = list(plan)
        self.opened = 0
        self.on_open: Callable[[], None] = lambda: None

    def __call__(self, path: Path, *, memory: int) -> Any:
        self.opened += 1
        if self.opened > 1:
            self.on_open()
        if self._next("open"):
            raise duckdb.IOException("the file cannot be opened")
        return Shaky(connect(path, memory=memory), self)

    def _next(self, *kinds: str) -> str | None:
        return self.plan.pop(0) if self.plan and self.plan[0] in kinds else None

    def strike(self, connection: duckdb.DuckDBPyConnection, step: str) -> None:
        match self._next(*(f"{when} {step}" for when in ("before", "after", "invalid at"))):
            case None:
                getattr(connection, step)()
            case fault if fault.startswith("after"):
                getattr(connection, step)()
                raise duckdb.IOException("No space left on device")
            case fault if fault.startswith("before"):
                raise duckdb.IOException("No space left on device")
            case _:
                connection.close()
                raise duckdb.FatalException("database has been invalidated")


class Shaky:
    """A connection whose transactions fail as planned."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, faults: Faults) -> None:
        self._connection, self._faults = connection, faults

    def begin(self) -> None:
        self._faults.strike(self._connection, "begin")

    def commit(self) -> None:
        self._faults.strike(self._connection, "commit")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def opened(path: Path, faults: Faults, **options: Any) -> DuckLog:
    """Open a log whose plan of faults begins when it is open."""
    plan, faults.plan = faults.plan, []
    log = DuckLog(path, run="run-a", opener=faults, **options)
    faults.plan = plan
    return log


@pytest.mark.parametrize(
    "plan",
    [
        ["before commit"],
        ["after commit"],
        ["before begin"],
        ["invalid at commit"],
        ["invalid at begin"],
        ["before commit", "open", "after commit"],
        ["before commit", "before commit", "before begin", "invalid at commit", "after commit"],
    ],
    ids=", ".join,
)
def test_a_failed_commit_is_there_once(run_dir: Path, append: Append, say: Say, plan: list[str]):
    path, faults = run_dir / "log.duckdb", Faults(*plan)
    with opened(path, faults) as log:
        first = append(log, [say(0), say(1)])
        assert not faults.plan
        again = append(log, [say(0), say(1), say(2)])
        assert again[:2] == first
        assert [event.seq for event in again] == [1, 2, 3]
        assert_kept(log, [*first, *again])
    with FinishedLog(path) as log:
        assert_kept(log, [*first, *again])


def test_nobody_hears_of_a_commit_before_it_is_settled(run_dir: Path, append: Append, say: Say):
    faults, heard = Faults("after commit", "open", "before begin"), list[tuple[int, int]]()
    with opened(run_dir / "log.duckdb", faults) as log:
        log.listen(lambda seq: heard.append((seq, len(faults.plan))))
        append(log, [say(0)])
        append(log, [say(1)])
    assert heard == [(1, 1), (2, 0)]


def test_who_reads_meanwhile_waits_and_who_asked_is_told_to_ask_again(
    run_dir: Path, append: Append, say: Say
):
    faults, told, read = Faults("before commit"), list[str](), list[int]()
    with opened(run_dir / "log.duckdb", faults) as log:

        def ask() -> None:
            with pytest.raises(QueryError) as caught:
                log.query(_ENDLESS)
            told.append(str(caught.value))

        waiting = [threading.Thread(target=lambda: read.append(len(list(log.read()))))]

        def begin_to_read() -> None:
            [reading] = waiting
            reading.start()

        asking = threading.Thread(target=ask)
        asking.start()
        while not log._queries._running:  # noqa: SLF001 - there is no other sign that it began
            pass
        faults.plan = []
        append(log, [say(0)])
        faults.plan, faults.on_open = ["before commit"], begin_to_read
        append(log, [say(1)])
        asking.join()
        waiting[0].join()
        assert log.query("SELECT count(*) AS n FROM events").to_pylist() == [{"n": 2}]
    assert told == ["stopped: the log had to open its file again; ask again"]
    assert read in ([1], [2])


def test_a_file_that_cannot_be_opened_again_lets_nobody_wait_for_ever(
    run_dir: Path, append: Append, say: Say
):
    faults = Faults("before commit", *["open"] * 1000)
    with opened(run_dir / "log.duckdb", faults, patience=0.2) as log:
        with pytest.raises(LogBrokenError, match="simctl run --resume"):
            append(log, [say(0)])
        with pytest.raises(LogBrokenError, match="simctl run --resume"):
            list(log.query("SELECT 1"))
    with pytest.raises(LogClosedError):
        log.query("SELECT 1")


def test_a_file_with_something_else_in_it_breaks_the_log(run_dir: Path, append: Append, say: Say):
    path, faults = run_dir / "log.duckdb", Faults("after commit")
    with opened(path, faults) as log:
        faults.plan = []
        append(log, [say(0)])
        faults.plan = ["after commit"]

        def meddle() -> None:
            with duckdb.connect(path) as connection:
                connection.execute("UPDATE events SET hash = 'meddled' WHERE seq = 3")

        faults.on_open = meddle
        with pytest.raises(LogBrokenError, match=r"(?s)events 2 to 3.*simctl store check"):
            append(log, [say(1), say(2)])
        with pytest.raises(LogBrokenError):
            append(log, [say(1)])


def test_a_cursor_that_is_in_use_keeps_the_file_open(run_dir: Path, say: Say):
    faults = Faults("before commit")
    with opened(run_dir / "log.duckdb", faults) as log:
        with log._database.cursor() as cursor:  # noqa: SLF001 - a reader who takes its time
            pending = log.submit([say(0)])
            while faults.plan:
                pass
            assert cursor.execute("SELECT 1").fetchall() == [(1,)]
            assert not pending.done()
        assert pending.result()[0].seq == 1
        assert reader.end(log._database)[0] == 1  # noqa: SLF001
