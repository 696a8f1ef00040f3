"""Arms as a command line tells of them."""

from pathlib import Path

import pytest

from simctl.cli.arms import Arm, parse, parse_all
from simctl.cli.errors import UserError
from simctl.cli.seeds import told


@pytest.mark.parametrize(
    ("text", "recipe", "sets"),
    [
        ("grpo", "grpo", ()),
        ("mine/my.toml", "mine/my.toml", ()),
        ("society:episode.guided=false", "society", ("episode.guided=false",)),
        ("grpo:run.episodes=4,seed=1", "grpo", ("run.episodes=4", "seed=1")),
        (
            'grpo:objective.0.roles=["solver","critic"],run.episodes=4',
            "grpo",
            ('objective.0.roles=["solver","critic"]', "run.episodes=4"),
        ),
        ('grpo:description="a, b",seed=1', "grpo", ('description="a, b"', "seed=1")),
    ],
)
def test_an_arm_is_a_recipe_with_changes_between_commas(
    text: str, recipe: str, sets: tuple[str, ...]
):
    assert parse(text) == Arm(text, recipe, sets)


def test_arms_have_the_budget_and_the_seed_and_go_on_until_it_is_spent():
    recipe = parse("grpo:run.episodes=4").load(3, 5000, ["run.episodes=9", "run.eval_every=2"])
    assert (recipe.seed, recipe.run.max_tokens) == (3, 5000)
    assert (recipe.run.episodes, recipe.run.eval_every) == (4, 2)  # an arm's own word is the last
    assert recipe.run.rounds >= 100_000


@pytest.mark.parametrize("texts", [[], ["grpo", "grpo"]])
def test_arms_that_cannot_be_told_apart_are_refused(texts: list[str]):
    with pytest.raises(UserError):
        parse_all(texts)


def test_seeds_stand_behind_one_option():
    assert told(["grpo", "1", "2", "star"], [0, 1]) == (["grpo", "star"], (0, 1, 2))


def test_an_arm_that_the_recipe_has_itself_is_called_by_its_name(tmp_path: Path):
    file = tmp_path / "mine.toml"
    file.write_text('[arms]\nshort = ["run.episodes=2", "run.eval_every=3"]\n')
    recipe = parse(f"{file}:short,run.eval_every=4").load(0, 100)
    assert (recipe.run.episodes, recipe.run.eval_every) == (2, 4)
