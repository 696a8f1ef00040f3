"""The simulation of docs/scale.md: laws of queues hold of it, and it tells what was measured."""

import json
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from statistics import fmean
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"


def module(name: str) -> ModuleType:
    """Return a benchmark; its folder is on no path, for it has names that tests have too."""
    spec = spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    found = sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


queues, scale = module("queues"), module("scale")


def last(name: str) -> list[dict[str, Any]]:
    """Return the rows of a benchmark that were published last."""
    lines = (BENCHMARKS / "results" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    rows: list[dict[str, Any]] = json.loads(lines[-1])["rows"]
    return rows


COSTS = st.builds(
    queues.Costs,
    broker=st.floats(1e-6, 1e-3),
    commit=st.floats(1e-4, 1e-2),
    message=st.floats(1e-5, 2e-3),
    most=st.integers(1, 100),
)


@settings(max_examples=20, deadline=None)
@given(COSTS, st.integers(1, 100), st.floats(0.05, 0.5), st.integers(0, 3))
def test_nothing_is_lost_on_the_way_and_no_machine_is_busier_than_always(
    costs: Any, agents: int, think: float, seed: int
):
    course = queues.simulate(agents, think, costs, seconds=5, warm=1, seed=seed)
    assert course.began_with + course.said == course.answered + course.left
    assert len(course.waits) == course.answered
    assert 0 <= course.left <= agents
    assert course.busy_owner <= 1 + 1e-9
    assert course.busy_broker <= 1 + 1e-9
    assert course.rate <= scale.most(costs) * 1.05 + 1


@settings(max_examples=20, deadline=None)
@given(COSTS, st.integers(1, 100), st.floats(0.05, 0.5))
def test_as_many_are_on_their_way_as_come_in_the_time_that_they_take(
    costs: Any, agents: int, think: float
):
    """Little's law, and with it the law of interactive response times: N = X (R + Z)."""
    course = queues.simulate(agents, think, costs, seconds=20, warm=2)
    wait = fmean(course.waits)
    assert course.rate * wait == pytest.approx(course.inside, rel=0.05, abs=0.5)
    assert course.rate * (wait + think) == pytest.approx(agents, rel=0.2, abs=1)


def test_one_who_is_alone_waits_for_the_machines_only():
    costs = queues.Costs(broker=0.001, commit=0.01, message=0.002)
    course = queues.simulate(1, 0.1, costs)
    assert course.waits == pytest.approx([0.014] * course.answered)


def test_the_same_dice_give_the_same_course():
    costs = queues.Costs(broker=0.001, commit=0.01, message=0.002)
    assert queues.simulate(20, 0.1, costs) == queues.simulate(20, 0.1, costs)
    assert queues.simulate(20, 0.1, costs) != queues.simulate(20, 0.1, costs, seed=1)


def test_64_producers_are_as_fast_as_was_measured_within_a_factor_of_two():
    """From what commits of one and of 1,000 events took, by whom nobody waited."""
    rows = last("log")
    took = {
        row["batch"]: row["batch"] / row["per_second"]
        for row in rows
        if row["side"] == "simctl, direct"
    }
    each = (took[1000] - took[1]) / 999
    course = queues.simulate(64, 0, queues.Costs(0, took[1] - each, each), seconds=5, warm=1)
    [measured] = [r for r in rows if r["side"] == "simctl, 64 producers on the bus"]
    assert 0.5 < course.rate / measured["per_second"] < 2


@pytest.mark.parametrize("length", ["short", "long"])
def test_64_messages_at_a_broker_wait_as_long_as_was_measured_within_a_factor_of_three(length: str):
    """A message also waits for whoever else computes here, which the simulation leaves out."""
    [row] = last("scale")
    found = row[length]
    costs = queues.Costs(found["broker_s"], found["commit_s"], found["owner_s"])
    course = queues.simulate(64, 0, costs, seconds=5, warm=1)
    assert 1 / 3 < course.wait(0.5) / found["wait_64_s"] < 3


def test_who_has_weights_gives_them_on_so_that_holders_double():
    assert scale.doubling(1, 2.0, 1.0) == 2
    assert scale.doubling(3, 2.0, 1.0) == 4
    assert scale.doubling(1023, 2.0, 1.0) == 20


def test_a_plan_has_room_and_no_more_logs_than_it_needs():
    [row] = last("scale")
    few, many = (scale.plan(row, agents) for agents in (100_000, 1_000_000))
    most = scale.most(scale.costs_of(row))
    for each in (few, many):
        assert each["rate"] / each["logs"] <= most * scale.ASSUMED["load"]
        assert each["rate"] / (each["logs"] - 1) > most * scale.ASSUMED["load"]
        assert each["sharded"]["p99"] < 1


@pytest.mark.slow
def test_the_page_says_what_the_last_row_gives():
    [row] = last("scale")
    plans = [scale.plan(row, agents) for agents in scale.AGENTS]
    assert scale.tables(row, plans) in scale.PAGE.read_text(encoding="utf-8")
