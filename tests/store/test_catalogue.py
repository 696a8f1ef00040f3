"""The catalogue explains itself, and its macros count as a plain computation does."""

import math
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import told
from hypothesis import given
from hypothesis import strategies as st

from simctl.bus.event import Event
from simctl.cli.recipe import load
from simctl.store.duck import DuckLog


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory):
    with DuckLog(tmp_path_factory.mktemp("told") / "log.duckdb", run="run-a") as opened:
        opened.submit(told.tale(load("society", []))).result()
        yield opened


@pytest.fixture(scope="module")
def events(log: DuckLog) -> list[Event]:
    return list(log.read())


def _rows(log: DuckLog, sql: str) -> list[dict[str, Any]]:
    return list(log.query(sql).to_pylist())


@pytest.mark.parametrize("what", ["tables", "views", "columns", "functions"])
def test_everything_says_what_it_is(log: DuckLog, what: str):
    silent = f"SELECT * FROM duckdb_{what}() WHERE NOT internal AND comment IS NULL"  # noqa: S608
    assert _rows(log, silent) == []


def test_describe_explains_columns_and_macros(log: DuckLog):
    columns = _rows(log, "describe attempts")
    assert columns[0] == {
        "column_name": "attempt",
        "column_type": "BIGINT",
        "comment": "seq of the attempt",
    }
    [macro] = _rows(log, 'DESCRIBE "pass_at_k";')
    assert macro["macro"] == "pass_at_k(n, c, k)"
    assert "Chen et al. 2021" in macro["comment"]


def test_a_catalogue_is_made_once_and_again_when_it_changed(tmp_path: Path):
    path = tmp_path / "log.duckdb"
    DuckLog(path, run="run-a").close()
    with DuckLog(path, run="run-a") as log:
        assert log._database.connection.execute("SELECT count(*) FROM tasks").fetchone() == (0,)  # noqa: SLF001
        log._database.connection.execute("DROP VIEW tasks")  # noqa: SLF001 - what another simctl lacks
        log._database.connection.execute("COMMENT ON TABLE log_header IS 'older'")  # noqa: SLF001
    with DuckLog(path, run="run-a") as log:
        assert log.query("SELECT * FROM tasks").num_rows == 0


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))), st.data())
def test_pass_at_k_is_the_share_of_draws_with_a_right_one(
    log: DuckLog, counts: tuple[int, int], data: st.DataObject
):
    n, c = counts
    k = data.draw(st.integers(1, n))
    [row] = _rows(log, f"SELECT pass_at_k({n}, {c}, {k}) AS p")
    assert row["p"] == pytest.approx(1 - math.comb(n - c, k) / math.comb(n, k))


@pytest.mark.parametrize(
    ("counts", "wanted"),
    [((10, 3, 1), 0.3), ((16, 1, 16), 1.0), ((5, 2, 3), 0.9), ((4, 0, 2), 0.0), ((2, 1, 3), None)],
)
def test_pass_at_k_has_its_golden_values(
    log: DuckLog, counts: tuple[int, int, int], wanted: float | None
):
    [row] = _rows(log, f"SELECT pass_at_k{counts} AS p")
    assert row["p"] == (None if wanted is None else pytest.approx(wanted))


def test_a_lesson_goes_back_to_the_problem(log: DuckLog):
    kinds = [row["kind"] for row in _rows(log, "FROM causes((SELECT min(lesson) FROM lessons))")]
    assert kinds[-1] == "lesson_given"
    assert {"task_posed", "attempt_made"} <= set(kinds[:-1])


def test_pass_at_is_the_mean_over_tasks(log: DuckLog):
    rows = _rows(log, "SELECT version, difficulty, tasks, score FROM pass_at(1)")
    assert rows == [
        {"version": version, "difficulty": 3, "tasks": 2, "score": 0.5} for version in range(3)
    ]
    assert {row["score"] for row in _rows(log, "FROM pass_at(2)")} == {1.0}


def test_solve_rates_tell_how_a_version_did(log: DuckLog):
    [row] = _rows(log, "FROM solve_rates(1)")
    wanted = {"difficulty": 3, "tasks": 2, "attempts": 4, "mean_reward": 0.5, "solved": 0.5}
    assert row == wanted


def test_rewards_of_a_role_go_by_round(log: DuckLog):
    rows = _rows(log, "FROM rewards_of('solver')")
    shared = {"answers": 4, "mean": 0.5, "deviation": 0.5}
    assert rows == [{"round": number, **shared} for number in (1, 2, 3)]


def test_a_transcript_tells_an_episode(log: DuckLog, events: list[Event]):
    rows = _rows(log, "FROM transcript('e1.000')")
    assert [row["seq"] for row in rows] == [
        event.seq for event in events if event.episode == "e1.000"
    ]
    said = {row["kind"]: row for row in rows}
    assert said["task_posed"]["says"] == told.PROBLEM
    assert said["lesson_given"]["says"] == told.SOLUTION
    assert said["attempt_made"]["reward"] in {0.0, 1.0}


def led_by(event: Event) -> int | None:
    """Return the event that led to this one: its cause, or what an ask is about."""
    about = (getattr(event.message, name, None) for name in ("of", "parent_task"))
    of, parent = (each if isinstance(each, int) else None for each in about)
    return next((each for each in (event.cause, of, event.task, parent) if each is not None), None)


def test_causes_and_effects_follow_the_log(log: DuckLog, events: list[Event]):
    by_seq = {event.seq: event for event in events}
    caused: dict[int, list[int]] = defaultdict(list)
    for event in events:
        caused[led_by(event) or 0].append(event.seq)
    for event in events[:: max(1, len(events) // 12)]:
        back, at = [event.seq], led_by(event)
        while at is not None:
            back, at = [at, *back], led_by(by_seq[at])
        assert [row["seq"] for row in _rows(log, f"FROM causes({event.seq})")] == back
        onward, waiting = [], [event.seq]
        while waiting:
            onward.append(waiting.pop())
            waiting.extend(caused[onward[-1]])
        rows = _rows(log, f"FROM effects({event.seq})")
        assert [row["seq"] for row in rows] == sorted(onward)
