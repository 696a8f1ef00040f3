"""Runs as figures and as sketches: they show what the log says, for one run or several."""

from pathlib import Path

import pytest
import told
import ward
from calls import Command
from hypothesis import given
from hypothesis import strategies as st

from simctl.agents.health.levels import Levels
from simctl.cli.portrait import EIGHTHS, binned, chosen, portray, smooth
from simctl.cli.recipe import dump, load
from simctl.store.access import LOG
from simctl.store.duck import DuckLog
from simctl.store.server import Endpoint


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of ten rounds whose health was measured."""
    run_dir = tmp_path_factory.mktemp("measured") / "fine"
    run_dir.mkdir()
    recipe = dump(load("society", []))
    (run_dir / "run.toml").write_text(recipe, encoding="utf-8")
    with DuckLog(run_dir / LOG, run="fine") as log:
        log.submit(ward.tale(ward.course({}, rounds=10), recipe, Levels())).result()
    return run_dir


def test_a_portrait_says_what_the_log_says(told_run: Path):
    found = portray(told_run)
    greedy = [point.score for point in found.scores["targets/greedy"]]
    assert greedy == [0.0, 0.3, 0.6, 0.9]
    assert found.scores["targets/greedy"][-1].tokens == 474
    assert found.courses["reward/solver/mean"] == {1: 0.5, 2: 0.5, 3: 0.5}
    half = [0, 0, 0, 0, 2, 0, 0, 0, 0]
    assert found.solves == {1: half, 2: half, 3: half}


def test_one_run_shows_all_suites_and_several_the_first(told_run: Path):
    found = portray(told_run)
    assert chosen([found], []) == ["targets/sampled", "beyond-12/sampled"]
    assert chosen([found, found], []) == ["targets/sampled"]
    assert chosen([found], ["beyond-12/greedy"]) == ["beyond-12/greedy"]


def test_a_sketch_has_every_part_of_the_figure(simctl: Command, measured: Path):
    said = simctl("plot", measured)
    assert said.code == 0, said.err
    for words in (
        "Held-out accuracy",
        "Reward and entropy of each role",
        "How often the tasks of a round are solved",
        "How much the tasks differ",
        "distinct shingles",
    ):
        assert words in said.out
    assert max(map(len, said.out.splitlines())) <= 100


def test_several_runs_are_told_apart(simctl: Command, measured: Path):
    said = simctl("plot", measured, "told-001", "--metric", "targets/greedy")
    assert {"● fine targets/greedy", "● told-001 targets/greedy"} <= {
        line.split("  ")[0] for line in said.out.splitlines()
    }


def test_a_figure_is_a_file_for_a_paper(simctl: Command, measured: Path, tmp_path: Path):
    file = tmp_path / "figure.pdf"
    said = simctl("plot", measured, "--out", file)
    assert (said.code, said.out) == (0, f"plot: {file}\n")
    assert file.read_bytes().startswith(b"%PDF")


def test_a_figure_names_runs_and_roles_and_is_the_same_each_time(
    simctl: Command, measured: Path, tmp_path: Path
):
    one, two = tmp_path / "one.svg", tmp_path / "two.svg"
    for file in (one, two):
        simctl("plot", measured, "told-001", "--out", file)
    text = one.read_text()
    words = (">fine<", ">told-001<", ">examiner<", ">Diversity of tasks<", ">tokens<", ">seconds<")
    assert [each for each in words if each not in text] == []
    assert text == two.read_text()


def test_a_live_run_can_be_plotted(simctl: Command, measured: Path):
    with DuckLog(measured / LOG, run="fine") as log, Endpoint(log, measured, log.submit):
        assert "Held-out accuracy" in simctl("plot", measured).out


def test_a_score_that_no_run_has_is_told(simctl: Command):
    said = simctl("plot", "told-001", "--metric", "targets/pass@8")
    assert said.code == 2
    assert "no run here has that score; there are: targets/greedy" in said.err


def test_a_run_without_anything_to_show_is_told(simctl: Command, tmp_path: Path):
    run_dir = tmp_path / "new"
    run_dir.mkdir()
    DuckLog(run_dir / LOG, run="new").close()
    said = simctl("plot", run_dir)
    assert (said.code, "no policy was measured yet" in said.err) == (2, True)


def test_a_run_that_was_measured_once_is_drawn(simctl: Command, tmp_path: Path):
    run_dir = told.write(tmp_path / "short", load("society", []), rounds=0)
    said = simctl("plot", run_dir, "--out", tmp_path / "short.png")
    assert said.code == 0, said.err
    assert (tmp_path / "short.png").read_bytes().startswith(b"\x89PNG")
    assert "targets/sampled" in simctl("plot", run_dir).out


_COUNTS = st.lists(st.integers(0, 9), min_size=EIGHTHS + 1, max_size=EIGHTHS + 1)


@given(st.dictionaries(st.integers(1, 300), _COUNTS, min_size=1), st.integers(1, 50))
def test_binned_rounds_fill_their_columns(solves: dict[int, list[int]], columns: int):
    edges, shares = binned(solves, columns)
    assert len(shares) == len(edges) - 1 <= columns
    assert edges[0] < min(solves) <= max(solves) < edges[-1]
    assert all(sum(column) == pytest.approx(1) or not any(column) for column in shares)
    total = sum(map(sum, solves.values()))
    assert any(map(any, shares)) == (total > 0)


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=40), st.integers(1, 12))
def test_what_is_smoothed_stays_between_its_ends(values: list[float], window: int):
    found = smooth(values, window)
    assert len(found) == len(values)
    assert all(min(values) - 1e-9 <= each <= max(values) + 1e-9 for each in found)
    assert smooth(values, 1) == values
