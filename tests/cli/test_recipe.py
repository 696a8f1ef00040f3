import re
import tomllib
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from simctl.agents.curricula import Uniform
from simctl.cli import toml
from simctl.cli.errors import RecipeError
from simctl.cli.keys import models_in
from simctl.cli.recipe import EXTENDS, Recipe, dump, explain, load, names
from simctl.trainer.settings import Training


def everything_below(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for field in model.model_fields.values():
        for inner in models_in(field.annotation).values():
            yield from everything_below(inner)


def keys_of(tables: dict[str, Any]) -> Iterator[str]:
    for key, value in tables.items():
        yield key
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, dict):
                yield from keys_of(inner)


def reread(text: str, place: Path) -> Recipe:
    file = place / "again.toml"
    file.write_text(text, encoding="utf-8")
    return load(str(file))


def test_the_package_has_the_default_the_baselines_and_the_control():
    assert {"society", "grpo", "star", "opsd", "uniform", "rehearsal"} <= set(names())


@pytest.mark.parametrize("name", names())
def test_every_recipe_of_the_package_loads_and_learns(name: str):
    recipe = load(name)
    # these only change how answers are found
    learns = name not in {"self_refine", "self_eval_beam", "tt_si"}
    assert (recipe.name, recipe.learns, bool(recipe.description)) == (name, learns, True)


@pytest.mark.parametrize("name", names())
def test_a_recipe_says_the_same_when_it_was_written_and_read(name: str, tmp_path: Path):
    recipe = load(name)
    assert reread(dump(recipe), tmp_path) == recipe
    assert reread(explain(recipe), tmp_path) == recipe


@pytest.mark.parametrize("name", names())
def test_the_trainer_reads_what_the_command_line_wrote(name: str, tmp_path: Path):
    recipe = load(name, ["seed=5"])
    (tmp_path / "run.toml").write_text(dump(recipe), encoding="utf-8")
    read = Training.read(tmp_path / "run.toml")
    assert (read.seed, read.trainer, read.objective) == (5, recipe.trainer, recipe.objective)


def test_every_key_that_a_recipe_may_hold_has_a_meaning():
    silent = {
        f"{model.__name__}.{key}"
        for model in everything_below(Recipe)
        for key in model.model_fields
        if not toml.meaning(model, key)
    }
    assert silent == set()


@pytest.mark.parametrize("name", names())
def test_every_key_of_a_file_has_a_comment_in_it_or_is_explained(name: str):
    text = (resources.files("simctl.recipes") / f"{name}.toml").read_text("utf-8")
    shown = explain(load(name))
    for key in set(keys_of(tomllib.loads(text))) - {EXTENDS}:
        assert re.search(rf'{key}"? = |[\[.]{key}\]', shown)


def test_the_problems_of_every_suite_are_held_out():
    recipe = load("grpo", ["suite.0.problems=7"])
    problems = recipe.environment().targets(10, 7)
    assert not any(recipe.environment().check(problem).valid for problem in problems)


@given(st.text())
def test_any_text_comes_back_from_toml(text: str):
    assert tomllib.loads(f"key = {toml.literal(text)}")["key"] == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_any_number_comes_back_from_toml(number: float):
    assert tomllib.loads(f"key = {toml.literal(number)}")["key"] == number


def test_a_set_changes_a_key():
    assert load("society", ["run.rounds=3"]).run.rounds == 3


def test_a_set_reaches_into_lists_and_their_defaults():
    recipe = load("society", ["objective.1.weight=0.25", "suite.2.problems=5"])
    assert recipe.objective[1].weight == 0.25
    assert [suite.problems for suite in recipe.suite] == [300, 100, 5, 100]


def test_the_family_of_a_recipe_says_what_is_held_out_unless_the_recipe_does():
    held_out = [(suite.name, suite.difficulty) for suite in load("grpo").suite]
    assert held_out == [
        ("targets", 10),
        ("beyond-12", 12),
        ("beyond-14", 14),
        ("beyond-16", 16),
    ]


@pytest.mark.parametrize("kind", ["countdown", "graph", "program"])
def test_one_word_changes_the_family_and_what_is_held_out_of_it(kind: str):
    recipe = load("rehearsal", [f"task.kind={kind}", "suite.0.problems=5"])
    ladder = recipe.task.ladder
    assert [suite.difficulty for suite in recipe.suite] == [each for each, _ in ladder]
    problem = recipe.environment().targets(ladder[0][0], 5)[4]
    assert not recipe.environment().check(problem).valid


def test_what_a_family_lacks_is_told_as_a_mistake_of_the_recipe():
    recipe = load("rehearsal", ["task.kind=countdown", "task.reward_funcs=['nowhere.py:f']"])
    with pytest.raises(RecipeError, match=r"recipe rehearsal: task: nowhere\.py cannot be read"):
        recipe.environment()


def test_a_set_past_the_end_of_a_list_begins_a_table():
    recipe = load("grpo", ["objective.1.kind=sft", "objective.1.threshold=0.5"])
    assert [each.kind for each in recipe.objective] == ["grpo", "sft"]


def test_a_text_without_quotes_is_taken_as_it_is():
    assert load("grpo", ["policy.path=/some where/else"]).policy.path == "/some where/else"


def test_one_word_changes_a_kind_and_keeps_what_fits():
    recipe = load("grpo", ["curriculum.kind=uniform", "curriculum.min_difficulty=4"])
    assert recipe.curriculum == Uniform(min_difficulty=4, max_difficulty=16)


def test_a_recipe_without_a_name_is_called_like_its_file(tmp_path: Path):
    assert reread("seed = 3", tmp_path).name == "again"


MISTAKES = [
    (["run.round=3"], "run.round is no key; allowed here: rounds, "),
    (["ru.rounds=3"], "ru is no key; allowed here: run, "),
    (["run.rounds=ten"], 'run.rounds is "ten"; it must be a whole number'),
    (["run.rounds=1.5"], "run.rounds is 1.5; it must be a whole number"),
    (["run.rounds=-1"], "run.rounds is -1; it must be at least 0"),
    (["task.max_operations=0"], "task.max_operations is 0; it must be at least 1"),
    (["task.kind=dataset"], "task.dataset_name is missing"),
    (["task.kind=graph", "task.entities=5"], "task: max_hops is 6; it must be less than entities"),
    (["run=3"], "run is 3; it must be a table"),
    (["trainer.learning_rate=nan"], "trainer.learning_rate is nan; it must be a finite number"),
    (["trainer.learning_rate=true"], "trainer.learning_rate is true; it must be a number"),
    (["episode.guided=1"], "episode.guided is 1; it must be true or false"),
    (["episode.kind=solo"], 'episode.kind is "solo"; it must be "propose", "solve", "revise"'),
    (["curriculum={}"], "curriculum.kind is missing; it must be "),
    (["objective.0.roles=solver"], 'objective.0.roles is "solver"; it must be a list'),
    (["objective.0.roles=['judge']"], 'objective.0.roles.0 is "judge"; it must be "examiner", '),
    (["objective.0.weight=0"], "objective.0.weight is 0; it must be more than 0"),
    (["objective.0.clip=1"], "objective.0.clip is no key; allowed here: "),
    (["objective.9.weight=1"], "objective is a list of 3; write objective.N with N from 0 to 3"),
    (["suite.1.name=targets"], "suite: targets is there twice"),
    (["run.rounds.x=1"], "run.rounds is 120; it holds no keys"),
    (["run.rounds"], "write it as key=value"),
    (["=3"], "write it as key=value"),
]


@pytest.mark.parametrize(("sets", "told"), MISTAKES)
def test_a_mistake_is_told_with_key_value_and_what_is_allowed(sets: list[str], told: str):
    with pytest.raises(RecipeError) as error:
        load("society", sets)
    assert told in str(error.value)


def test_all_mistakes_are_told_at_once():
    with pytest.raises(RecipeError) as error:
        load("society", ["run.rounds=-1", "run.episodes=0"])
    assert len(str(error.value).splitlines()) == 2


def test_an_unknown_recipe_is_told_with_the_nearest_names_first():
    with pytest.raises(RecipeError, match="there is no recipe 'socety'; there are: society, "):
        load("socety")


def test_a_file_that_is_no_toml_is_told_with_the_line(tmp_path: Path):
    with pytest.raises(RecipeError, match="line 2"):
        reread("seed = 1\nrun = = 2\n", tmp_path)


def test_a_file_that_is_no_text_is_told(tmp_path: Path):
    (tmp_path / "x.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(RecipeError, match="not UTF-8"):
        load(str(tmp_path / "x.toml"))


def test_a_file_that_is_not_there_is_told():
    with pytest.raises(RecipeError, match=r"nowhere\.toml cannot be read: No such file"):
        load("nowhere.toml")


def test_a_reward_below_nothing_for_invalid_problems_is_warned_of():
    assert "an invalid task pays -1" in load("r_zero").misgiving
    assert load("society").misgiving == ""
