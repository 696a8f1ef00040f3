"""Watching a run that is not live: it is told how the run ended."""

from pathlib import Path

import pytest
import told
from calls import Command

from simctl.cli.birth import create
from simctl.cli.policies import of_recipe
from simctl.cli.recipe import load


def test_of_a_finished_run_the_summary_is_shown(simctl: Command):
    said = simctl("watch", "told-001")
    assert (said.code, said.err) == (0, "run runs/told-001 is not live: it finished\n")
    assert "Held-out accuracy" in said.out


def test_of_a_run_that_broke_off_it_is_told_how_to_go_on(simctl: Command, tmp_path: Path):
    run_dir = told.write(tmp_path / "broken", load("society", ["run.rounds=3"]), ended=False)
    said = simctl("watch", run_dir)
    assert (said.code, said.err) == (1, f"run {run_dir} is not live: it broke off\n")
    assert f"simctl run --resume {run_dir}" in said.out


@pytest.mark.parametrize("name", ["nowhere", "runs"])
def test_what_is_no_run_cannot_be_watched(simctl: Command, name: str):
    said = simctl("watch", name)
    assert (said.code, said.err[:7]) == (2, "error: ")


def test_a_run_that_has_not_begun_cannot_be_watched(simctl: Command, tmp_path: Path):
    recipe = load("society", [])
    create(recipe, tmp_path / "new", of_recipe(recipe))
    said = simctl("watch", tmp_path / "new")
    assert (said.code, "has not begun" in said.err) == (2, True)
