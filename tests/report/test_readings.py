"""Readings: the numbers of a log under the names that people know them by."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import measured
import pytest

from simctl.bus.event import Event
from simctl.bus.messages import RunResumed
from simctl.cli.report.readings import Reading, Readings
from simctl.cli.report.sayings import PER_ROLE
from simctl.store.access import open_log
from simctl.store.memory_log import ListLog


def folded(events: Sequence[Event]) -> list[Reading]:
    readings = Readings(lambda tokens: " ".join(map(str, tokens)))
    return [each for event in events for each in readings.hear(event)]


@pytest.fixture(scope="module")
def events() -> list[Event]:
    return list(ListLog("told").place(measured.drafts()))


@pytest.fixture(scope="module")
def readings(events: list[Event]) -> list[Reading]:
    return folded(events)


def series(readings: Sequence[Reading], name: str) -> list[tuple[int, float]]:
    return [(each.step, each.scalars[name]) for each in readings if name in each.scalars]


def test_the_metrics_of_an_update_keep_their_names_at_its_version(readings: list[Reading]):
    assert series(readings, "grad_norm") == [(1, 1.25), (2, 1.25), (3, 1.25)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("reward", 0.25),
        ("reward_std", 0.5),
        ("frac_reward_zero_std", 0.125),
        ("completions/mean_length", 7.5),
        ("entropy", 0.75),
    ],
)
def test_a_name_of_trl_without_a_role_is_the_solvers(
    readings: list[Reading], name: str, value: float
):
    assert series(readings, name) == [(step, value) for step in (1, 2, 3)]


def test_tokens_are_counted_up_as_trl_counts_them(readings: list[Reading]):
    assert series(readings, "num_tokens") == [(1, 100), (2, 200), (3, 300)]


def test_held_out_scores_stand_below_eval_at_the_version_that_has_them(readings: list[Reading]):
    found = series(readings, "eval/targets/greedy")
    assert found == [(0, 0.0), (1, 0.3), (2, 0.6), (3, 0.9)]


def test_what_an_update_said_of_a_round_is_not_said_again(readings: list[Reading]):
    assert series(readings, "reward/solver/mean") == [(step, 0.25) for step in (1, 2, 3)]
    assert series(readings, "tasks/valid") == [(step, 1.0) for step in (1, 2, 3)]


def test_an_alarm_is_a_number_and_a_text(readings: list[Reading]):
    assert series(readings, "alarms/solve_rate") == [(2, 1.0)]
    assert [each.alarm for each in readings if each.alarm] == [f"solve_rate: {measured.ALARM}"]


def test_scores_have_the_tokens_and_seconds_of_the_learning_curve(tmp_path: Path):
    path = measured.write(tmp_path / "told")
    with open_log(path) as log:
        found = folded(list(log.read()))
        curve = log.query("SELECT * FROM learning_curve ORDER BY evaluated, score_name").to_pylist()
    scored = [each for each in found if any(name.startswith("eval/") for name in each.scalars)]
    ours = [
        (each.seq, name.rpartition("/")[2], score, each.spent.sampled_tokens,
         each.spent.spent_tokens, each.spent.seconds)
        for each in scored
        for name, score in sorted(each.scalars.items())
    ]  # fmt: skip
    names = ("evaluated", "score_name", "score", "sampled_tokens", "spent_tokens", "seconds")
    assert ours == [tuple(row[name] for name in names) for row in curve]


def test_time_in_which_nobody_played_is_not_counted(events: list[Event]):
    begin, rest = events[:-1], measured.drafts()[-1]
    resumed = replace(rest, message=RunResumed(incarnation=1))
    late = replace(resumed, wall_us=begin[-1].wall_us + 500 * measured.SECOND)
    after = replace(rest, pseq=rest.pseq + 1, wall_us=late.wall_us + measured.SECOND)
    log = ListLog("told").place([*measured.drafts()[:-1], late, after])
    readings = Readings(str)
    for event in log:
        list(readings.hear(event))
    assert readings.spent.seconds == len(begin) - 1 + 1


def test_a_round_has_its_first_answers_of_each_role_with_what_they_earned(
    readings: list[Reading],
):
    tables = [each.sayings for each in readings if each.sayings]
    assert [said.step for table in tables for said in table[:1]] == [1, 2, 3]
    first = tables[0]
    assert {said.role for said in first} == {"examiner", "solver", "critic", "teacher"}
    assert sum(said.role == "solver" for said in first) == PER_ROLE
    solvers = [said for said in first if said.role == "solver"]
    assert [(said.reward, said.parts) for said in solvers] == [(1.0, "right=1"), (0.0, "right=0")]
    assert solvers[0].prompt == " ".join(map(str, range(12)))


def test_reading_a_log_twice_gives_the_same(events: list[Event], readings: list[Reading]):
    assert folded(events) == readings


def test_the_phases_of_a_round_add_up_to_its_step(readings: list[Reading]):
    phases = [series(readings, f"timing_s/{name}") for name in ("gen", "update", "sync")]
    sums = [sum(value for _, value in times) for times in zip(*phases, strict=True)]
    assert sums == [value for _, value in series(readings, "step_time")]
    assert len(sums) == 3
