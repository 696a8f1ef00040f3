"""A query answers, and can do nothing else."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from simctl.bus.event import Draft, Event
from simctl.bus.messages import RunResumed
from simctl.store.duck import DuckLog
from simctl.store.errors import QueryError
from simctl.store.query import Limits

Append = Callable[..., list[Event]]
Say = Callable[..., Draft]
_HOARD = """
SELECT count(*) FROM range(100000000) AS a,
    (SELECT repeat('x', 40) || range AS text FROM range(1500000)) AS held
WHERE starts_with(text, a.range::VARCHAR)
"""
_ENDLESS = "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE (a.range ^ b.range) = 3"


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory):
    with DuckLog(tmp_path_factory.mktemp("asked") / "log.duckdb", run="run-a") as log:
        said = [
            Draft("society", 0, number, RunResumed(incarnation=number), "society")
            for number in range(5)
        ]
        log.submit(said).result()
        yield log


def test_an_error_tells_the_place_and_no_traceback(asked: DuckLog):
    with pytest.raises(QueryError) as caught:
        asked.query("SELECT reward\nFROM gradez")
    text = str(caught.value)
    assert 'Did you mean "grades"' in text
    assert "LINE 2: FROM gradez" in text
    assert "Traceback" not in text


def test_an_endless_query_is_stopped_at_its_deadline(run_dir: Path, append: Append, say: Say):
    limits = Limits(seconds=2)  # which the question after it may take, too
    with DuckLog(run_dir / "log.duckdb", run="run-a", limits=limits) as log:
        with pytest.raises(QueryError, match=r"stopped after 2 s"):
            log.query(_ENDLESS)
        assert append(log, [say(0)])[0].seq == 1
        assert log.query("SELECT 1 AS one").to_pylist() == [{"one": 1}]


def test_no_thread_outlives_the_query_that_it_watched(asked: DuckLog):
    before = set(threading.enumerate())
    for _ in range(20):
        asked.query("SELECT 1")
        assert set(threading.enumerate()) <= before


def test_an_answer_has_a_size(run_dir: Path):
    limits = Limits(rows=10)
    with DuckLog(run_dir / "log.duckdb", run="run-a", limits=limits) as log:
        assert log.query("FROM range(10)").num_rows == 10
        assert log.query("FROM range(20)", max_rows=20).num_rows == 20
        with pytest.raises(QueryError, match="more than 10 rows"):
            log.query("FROM range(11)")
    limits = replace(limits, bytes=1000)
    with (
        DuckLog(run_dir / "log.duckdb", run="run-a", limits=limits) as log,
        pytest.raises(QueryError, match="more than 1000 bytes"),
    ):
        log.query("SELECT repeat('x', 2000)")


def test_closing_the_log_ends_its_queries(run_dir: Path):
    log = DuckLog(run_dir / "log.duckdb", run="run-a")
    ended: list[str] = []

    def ask() -> None:
        with pytest.raises(QueryError) as caught:
            log.query(_ENDLESS)
        ended.append(str(caught.value))

    asking = threading.Thread(target=ask)
    asking.start()
    while not log._queries._running:  # noqa: SLF001 - there is no other sign that it began
        pass
    log.close()
    asking.join()
    assert ended == ["stopped: the log was closed"]


def test_an_append_goes_before_a_query_that_has_taken_the_memory(
    run_dir: Path, append: Append, say: Say
):
    limits = Limits(memory=150_000_000, seconds=600)
    text = "x" * 1_000_000
    ended: list[str] = []
    with DuckLog(run_dir / "log.duckdb", run="run-a", limits=limits) as log:
        asking = threading.Thread(target=_hoard, args=(log, ended))
        asking.start()
        before, used = 0, _used(log)
        while (used < 80_000_000 and not ended) or used != before:
            before, used = used, _used(log)
        events = append(log, [say(number, episode=text) for number in range(20)])
        asking.join()
        assert ended == ["stopped: the log needed the memory; ask for less"]
        assert list(log.read()) == events


def _hoard(log: DuckLog, ended: list[str]) -> None:
    with pytest.raises(QueryError) as caught:
        log.query(_HOARD)
    ended.append(str(caught.value))


def _used(log: DuckLog) -> int:
    [used] = log.query(
        "SELECT sum(memory_usage_bytes)::BIGINT AS b FROM duckdb_memory()"
    ).to_pylist()
    return int(used["b"])
