"""Experiments: what the package claims can be played, and what became of it is told."""

from pathlib import Path
from typing import Any

import pytest

from simctl.cli.arms import Arm
from simctl.cli.comparison import Comparison
from simctl.cli.curves import Curve
from simctl.cli.errors import RecipeError
from simctl.cli.experiment import Experiment, load, names
from simctl.cli.results import Result
from simctl.cli.trialling import verdict

MINE = """
title = "t"
finding = "f"
claim = "c"
tokens = 1000
{more}
[[arms]]
name = "one"
recipe = "grpo"
set = {{ run.episodes = 4, episode.sampling.temperature = 0.5 }}
[[arms]]
name = "two"
recipe = "star"
"""
COMPARE = '[compare]\nkind = "better"\nbetter = "one"\nworse = "two"'


@pytest.fixture
def mine(tmp_path: Path) -> Any:
    def write(more: str = COMPARE) -> Experiment:
        (tmp_path / "mine.toml").write_text(MINE.format(more=more))
        return load(str(tmp_path / "mine.toml"))

    return write


@pytest.mark.parametrize("name", names())
def test_every_arm_of_every_experiment_can_be_played(name: str):
    asked = load(name)
    for arm in asked.played():
        recipe = arm.load(asked.seeds[0], asked.tokens)
        suites = {f"{suite.name}/" for suite in recipe.suite}
        assert asked.sql or any(asked.metric.startswith(suite) for suite in suites)


@pytest.mark.parametrize("name", names())
def test_every_experiment_has_the_seeds_that_a_verdict_needs(name: str):
    assert len(load(name).seeds) >= 5


def test_experiments_that_share_runs_have_the_same_arms_and_budget():
    shared: dict[str, list[Any]] = {}
    for each in map(load, names()):
        played = (each.played(), each.tokens)
        shared.setdefault(each.runs or each.name, []).append(played)
    assert [runs for runs, played in shared.items() if any(p != played[0] for p in played)] == []


def test_changes_of_an_arm_are_those_of_set(mine: Any):
    [one, _] = mine().played()
    assert one == Arm("one", "grpo", ("run.episodes=4", "episode.sampling.temperature=0.5"))


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ('[compare]\nkind = "better"\nbetter = "one"\nworse = "tow"', "compare names arm tow"),
        ('[compare]\nkind = "beter"', 'compare.kind is "beter"; it must be "better", '),
        ("", "compare is missing"),
        (f'metrc = "x"\n{COMPARE}', "metrc is no key; allowed here: metric, "),
        (f"seeds = []\n{COMPARE}", "seeds"),
        ("metric = ", "is no TOML"),
        (f'recipes = ["one"]\n{COMPARE}', "arm one is there twice"),
    ],
)
def test_a_mistake_in_an_experiment_is_told_in_its_words(mine: Any, more: str, told: str):
    with pytest.raises(RecipeError, match=told.replace("[", r"\[")):
        mine(more)


def test_a_recipes_own_arm_is_told_of_as_to_compare(mine: Any):
    [*_, arm] = mine(f'recipes = ["r_zero:shared"]\n{COMPARE}').played()
    assert arm.name == "r_zero:shared"
    assert arm.load(0, 1000).trainer.separate == ()


def test_recipes_are_arms_as_they_are(mine: Any):
    *_, last = mine(f'recipes = ["uniform"]\n{COMPARE}').played()
    assert last == Arm("uniform", "uniform")


def ended(asked: Experiment, scores: dict[str, list[float]], spent: int = 1000) -> Comparison:
    """A comparison whose runs rose from 0 to these scores."""
    results = {
        name: {
            seed: Result({asked.metric: Curve.of([(0, 0.0), (spent, score)])}, spent, 0, 1.0)
            for seed, score in enumerate(each)
        }
        for name, each in scores.items()
    }
    return Comparison(asked.played(), asked.tokens, (asked.metric,), results)


HIGH, LOW = [0.8, 0.9, 0.85, 0.9, 0.8], [0.1, 0.2, 0.15, 0.1, 0.2]


@pytest.mark.parametrize(
    ("more", "one", "two", "word"),
    [
        ("", HIGH, LOW, "confirmed"),
        ("", LOW, HIGH, "refuted"),
        ('good = "low"\n', LOW, HIGH, "confirmed"),
        ('measure = "area"\n', HIGH, LOW, "confirmed"),
    ],
)
def test_the_verdict_follows_the_claim(
    mine: Any, more: str, one: list[float], two: list[float], word: str
):
    asked = mine(f"{more}{COMPARE}")
    assert verdict(asked, ended(asked, {"one": one, "two": two})).word == word


def test_runs_that_did_not_spend_the_budget_conclude_nothing(mine: Any):
    asked = mine()
    found = verdict(asked, ended(asked, {"one": HIGH, "two": LOW}, spent=900))
    assert (found.word, "one seed 0 ended at 900 of 1.00k" in found.reason) == (
        "inconclusive",
        True,
    )
