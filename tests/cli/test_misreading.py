"""A policy whose tokenizer lacks characters of the problems is warned of."""

from pathlib import Path

from simctl.cli.policies import embedded, misreading
from simctl.cli.recipe import Recipe, load


def of(problem: str, place: Path) -> Recipe:
    """Return a recipe whose one problem is this."""
    file = place / "mine.py"
    file.write_text(f"def draw(d, rng): return {problem!r}\ndef solve(problem): return '4'\n")
    sets = ["task.kind=module", f"task.module={file}", "suite.0.problems=1", "suite.0.difficulty=1"]
    return load("grpo", [*sets, "curriculum.max_difficulty=1", "curriculum.min_difficulty=1"])


def test_characters_that_the_policy_does_not_know_are_told(tmp_path: Path):
    told = misreading(embedded(), of("2 and 2?", tmp_path))
    assert told.startswith("the tokenizer of policy embedded reads '2 and 2?' as '2_and_2_':")


def test_characters_that_it_knows_are_nothing_to_warn_of(tmp_path: Path):
    assert misreading(embedded(), of("2+2", tmp_path)) == ""


def test_nothing_is_asked_of_a_recipe_that_measures_nothing():
    assert misreading(embedded(), load("grpo", ["suite=[]"])) == ""
