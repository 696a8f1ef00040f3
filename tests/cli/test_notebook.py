"""`simctl.open`: what a notebook asks of a run."""

from collections.abc import Callable
from pathlib import Path

import answered
import polars as pl
import pyarrow as pa
import pytest
from loaded import HEAVY, loaded_after

import simctl
from simctl.cli.notebook import Run
from simctl.cli.recipe import load
from simctl.store.duck import DuckLog
from simctl.store.server import Endpoint

COUNT = "SELECT count(*) AS n FROM attempts"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run with every kind of answer."""
    return answered.write(tmp_path_factory.mktemp("runs") / "said-001", load("society"))


def test_importing_simctl_loads_nothing_that_takes_time():
    assert loaded_after("import simctl", [*HEAVY, "pydantic", "typer", "rich"]) == []


def test_opening_and_asking_a_run_loads_no_torch(place: Path):
    asked = f"import simctl; simctl.open({str(place)!r}).sql('SELECT 1')"
    assert loaded_after(asked, ["torch", "transformers", "typer"]) == []


@pytest.mark.parametrize("way", ["path", "text", "name", "newest"])
def test_a_run_is_opened_by_path_name_or_as_the_newest(place: Path, way: str):
    named = {"path": place, "text": str(place), "name": "said-001", "newest": None}[way]
    assert simctl.open(named, runs_dir=place.parent).path == place


def test_an_answer_is_an_arrow_table_and_becomes_a_data_frame(place: Path):
    table = simctl.open(place).sql("SELECT role, avg(reward) AS reward FROM grades GROUP BY role")
    assert isinstance(table, pa.Table)
    frame = table.to_pandas().set_index("role")
    assert frame.loc["critic", "reward"] == 1.0


def test_an_answer_becomes_a_polars_frame(place: Path):
    frame = pl.from_arrow(simctl.open(place).sql(COUNT))
    assert frame["n"].to_list() == [6]


def test_events_come_in_order_and_typed(place: Path):
    kinds = [event.message.kind for event in simctl.open(place).events(after=1, until=4)]
    assert kinds == ["round_started", "pose_task", "task_posed"]


def test_views_are_named_with_what_they_hold(place: Path):
    views = simctl.open(place).views
    assert views["attempts"].startswith("One row an attempt")
    assert "attempt_made" not in views


def test_the_recipe_and_the_policy_are_those_of_the_run(place: Path):
    run = simctl.open(place)
    assert run.recipe == load("society")
    assert run.policy() == run.policy(0) == place / "policies/v000000"


def test_a_run_is_exported(place: Path, tmp_path: Path):
    made = simctl.open(place).export("preference", tmp_path / "pairs", pairs=1)
    assert (made.path, made.rows) == (tmp_path / "pairs", 1)


def test_a_live_run_answers_and_so_does_the_ended_one(place: Path):
    run = simctl.open(place)
    with DuckLog(place / "log.duckdb", run=place.name) as log, Endpoint(log, place, log.submit):
        assert (run.live, run.sql(COUNT).to_pylist()) == (True, [{"n": 6}])
    assert (run.live, run.sql(COUNT).to_pylist()) == (False, [{"n": 6}])


def test_an_open_notebook_stands_in_no_ones_way(place: Path):
    run = simctl.open(place)
    with run:
        run.sql(COUNT)
    list(run.events())
    with DuckLog(place / "log.duckdb", run=place.name) as log:  # as `simctl run --resume` does
        assert log.last_seq > 0


@pytest.mark.parametrize(
    ("mistake", "told"),
    [
        (lambda run: run.sql("SELECT * FROM gradez"), 'Did you mean "grades"'),
        (lambda run: run.sql("DELETE FROM events"), "this is DELETE"),
        (lambda run: run.policy(7), "has no policy version 7; it has 0 to 0"),
        (lambda run: run.export("sft", "out", where="reward > 7"), "nothing to export"),
        (lambda run: simctl.open("absent", runs_dir=run.path.parent), "said-001"),
    ],
)
def test_a_mistake_raises_an_error_that_says_what_to_do(
    place: Path, mistake: Callable[[Run], object], told: str
):
    with pytest.raises(simctl.SimctlError, match=told):
        mistake(simctl.open(place))


def test_a_setting_that_cannot_be_is_a_value_error(place: Path):
    with pytest.raises(ValueError, match="preference"):
        simctl.open(place).export("pairs")
