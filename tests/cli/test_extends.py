"""A recipe that extends another says only what differs."""

from pathlib import Path

import pytest

from simctl.cli.errors import RecipeError
from simctl.cli.recipe import load


def write(place: Path, name: str, text: str) -> str:
    file = place / f"{name}.toml"
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_what_a_file_does_not_say_is_as_in_the_recipe_that_it_extends(tmp_path: Path):
    mine = load(write(tmp_path, "mine", 'extends = "society"\n[run]\nrounds = 3\n'))
    base = load("society")
    assert mine.run == base.run.model_copy(update={"rounds": 3})
    assert (mine.episode, mine.objective) == (base.episode, base.objective)


def test_what_the_other_says_of_itself_is_not_taken_over(tmp_path: Path):
    mine = load(write(tmp_path, "mine", 'extends = "guide"\n'))
    assert (mine.name, mine.paper, mine.faithful, mine.arms) == ("mine", "", "", {})


def test_a_table_of_another_kind_leaves_behind_what_its_kind_does_not_know(tmp_path: Path):
    mine = load(write(tmp_path, "mine", 'extends = "grpo"\n[curriculum]\nkind = "uniform"\n'))
    assert (mine.curriculum.kind, mine.curriculum.max_difficulty) == ("uniform", 16)
    mine = load(write(tmp_path, "mine", 'extends = "society"\n[episode]\nkind = "solve"\n'))
    assert (mine.episode.kind, mine.episode.num_generations) == ("solve", 8)


def test_a_list_takes_the_place_of_the_whole_list(tmp_path: Path):
    text = 'extends = "society"\n[[objective]]\nkind = "sft"\nroles = ["solver"]\n'
    assert [each.kind for each in load(write(tmp_path, "mine", text)).objective] == ["sft"]


def test_files_extend_files_beside_them(tmp_path: Path):
    write(tmp_path, "low", 'extends = "grpo"\nseed = 4\n[trainer]\nlearning_rate = 0.5\n')
    top = write(tmp_path, "top", 'extends = "low.toml"\n[run]\nrounds = 9\n')
    mine = load(top, ["run.episodes=5"])
    said = (mine.seed, mine.trainer.learning_rate, mine.run.rounds, mine.run.episodes)
    assert said == (4, 0.5, 9, 5)


@pytest.mark.parametrize(
    ("base", "told"),
    [
        ('"grop"', "there is no recipe 'grop'; there are: grpo"),
        ('"nowhere.toml"', r"nowhere\.toml cannot be read: No such file"),
        ("3", "extends is 3; it must name a recipe, or its file"),
        ('"mine.toml"', "extends this one: break the circle"),
    ],
)
def test_what_cannot_be_extended_is_told(tmp_path: Path, base: str, told: str):
    with pytest.raises(RecipeError, match=told):
        load(write(tmp_path, "mine", f"extends = {base}\n"))


def test_files_that_extend_each_other_are_told(tmp_path: Path):
    write(tmp_path, "a", 'extends = "b.toml"\n')
    with pytest.raises(RecipeError, match="break the circle"):
        load(write(tmp_path, "b", 'extends = "a.toml"\n'))


def test_a_mistake_is_told_by_its_key(tmp_path: Path):
    mine = write(tmp_path, "mine", 'extends = "grpo"\n[trainer]\nlearning_rat = 1.0\n')
    with pytest.raises(RecipeError, match=r"trainer\.learning_rat is no key"):
        load(mine)
