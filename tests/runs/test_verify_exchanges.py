"""Runs in which copies learn and values guide a search do the same once more."""

from pathlib import Path

import pytest
from live import simctl

pytestmark = pytest.mark.slow

RECIPE = """
name = "{kind}"
run = {{ rounds = 1, episodes = 2 }}
episode = {{ kind = "{kind}", {settings} }}
curriculum = {{ kind = "uniform", min_difficulty = 4, max_difficulty = 4 }}
suite = [{{ name = "targets", difficulty = 3, problems = 5, mode = {{ kind = "vote", n = 3 }} }}]
objective = [{{ {objective} }}]
"""


@pytest.mark.parametrize(
    ("kind", "settings", "objective"),
    ids=["teach", "search"],
    argvalues=[
        (
            "teach",
            "sets = 2, set_size = 3, exam = 8, steps = 4, learning_rate = 3e-3",
            'kind = "rloo", roles = ["examiner"]',
        ),
        ("search", "budget = 60", 'kind = "value"'),
    ],
)
def test_a_run_learns_from_it_and_does_the_same_once_more(
    tmp_path: Path, kind: str, settings: str, objective: str
):
    recipe, run_dir = tmp_path / f"{kind}.toml", tmp_path / "run"
    recipe.write_text(RECIPE.format(kind=kind, settings=settings, objective=objective))
    assert simctl("run", recipe, "-q", "--run-dir", run_dir).returncode == 0
    built = simctl("query", run_dir, "SELECT samples > 0 FROM batch_built")
    assert "true" in built.stdout.lower(), built.stdout
    said = simctl("verify", run_dir)
    assert (said.returncode, "divergences  0" in said.stdout) == (0, True), said.stdout
