from pathlib import Path
from typing import Any

import pytest

from simctl.agents.tasks.callables import FunctionError, find
from simctl.agents.tasks.countdown import CountdownSettings
from simctl.agents.tasks.dataset import DatasetSettings
from simctl.agents.tasks.environment import Environment, Grade, TaskError

PROBLEM = "=11.4.7"
FUNCTIONS = """
import asyncio

def short(prompts, completions, completion_ids, **columns):
    return [1.0 if len(each) < 4 else 0.0 for each in completions]

async def patient(prompts, completions, completion_ids, **columns):
    await asyncio.sleep(0)
    return [-0.5 for _ in completions]

def silent(prompts, completions, completion_ids, **columns):
    return [None for _ in completions]

def same(completions, reference, difficulty, log_metric, log_extra, **_):
    log_metric("difficulty", difficulty[0])
    log_extra("seen", completions)
    return [float(each == right) for each, right in zip(completions, reference)]

def by_column(completions, topic, **_):
    return [float(topic == ["rivers"])]

def broken(**_):
    raise KeyError("x")

def number(**_):
    return 1.0

def reward(completions, **_):
    return [0.25 for _ in completions]

def endless(completions, **_):
    return [float("nan")]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(FUNCTIONS)
    return path


def made(file: Path, *names: str, weights: tuple[float, ...] = ()) -> Environment:
    return CountdownSettings(
        reward_funcs=tuple(f"{file}:{name}" for name in names), reward_weights=weights
    ).environment({})


def grade(file: Path, *names: str, **weights: Any) -> Grade:
    return made(file, *names, **weights).grade_attempt(PROBLEM, "4+7")


def test_each_function_gives_a_part_and_the_reward_is_their_weighted_sum(file: Path):
    parts = grade(file, "short", "patient", weights=(1.0, 0.5)).parts
    assert parts == {
        "reward": 0.75,
        "short": 1.0,
        "patient": -0.5,
        "correct": 1.0,
        "progress": 0.75,
    }


def test_a_function_that_is_named_reward_counts_once(file: Path):
    assert grade(file, "reward").parts == {"reward": 0.25, "correct": 0.0, "progress": 0.25}
    assert grade(file, "reward", weights=(3.0,)).parts["reward"] == 0.75


def test_no_grade_is_no_part_and_counts_nothing(file: Path):
    assert grade(file, "short", "silent").parts["reward"] == 1.0
    assert grade(file, "silent").parts == {"reward": 0.0, "correct": 0.0, "progress": 0.0}


async def test_an_async_function_is_waited_for_where_a_loop_already_runs(file: Path):
    assert grade(file, "patient").parts["patient"] == -0.5


def test_a_function_knows_the_reference_and_may_log_a_metric(file: Path):
    parts = grade(file, "same").parts
    assert (parts["same"], parts["difficulty"]) == (1.0, 2.0)


def test_a_function_knows_the_columns_of_a_dataset(file: Path, tmp_path: Path):
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"question": "Where?", "answer": "Here", "topic": "rivers"}')
    settings = DatasetSettings(
        dataset_name=str(rows), grading="exact", reward_funcs=(f"{file}:by_column",)
    )
    assert settings.environment({}).grade_attempt("Where?", "there").parts["correct"] == 1.0


def test_all_but_attempts_is_left_to_the_family(file: Path):
    env, plain = made(file, "short"), CountdownSettings().environment({})
    assert env.check(PROBLEM) == plain.check(PROBLEM)
    assert env.targets(2, 3) == plain.targets(2, 3)
    assert env.grade_hint(PROBLEM, "4", "+7") == plain.grade_hint(PROBLEM, "4", "+7")
    assert env.right_prefix(PROBLEM, "4*7") == "4"


def test_a_function_of_a_module_is_found_by_its_name():
    assert find("math:sqrt").call(9) == 3.0


@pytest.mark.parametrize(
    ("names", "weights", "told"),
    [
        (("nobody",), (), "has no function 'nobody'"),
        (("short", "patient"), (1.0,), "reward_weights has 1 numbers for 2 reward_funcs"),
        (("short", "short"), (), "have one name"),
        (("short", "reward"), (), "'reward' of reward_funcs is the name of a part"),
    ],
)
def test_functions_that_cannot_grade_are_refused_at_once(
    file: Path, names: tuple[str, ...], weights: tuple[float, ...], told: str
):
    with pytest.raises(TaskError, match=told):
        made(file, *names, weights=weights)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("broken", "fails: KeyError: 'x'"),
        ("number", "returns 1.0: a list of one number or None is wanted"),
        ("endless", "a finite number or None is wanted"),
    ],
)
def test_what_is_no_grade_is_refused(file: Path, name: str, told: str):
    with pytest.raises(FunctionError, match=told):
        grade(file, name)


@pytest.mark.parametrize("name", ["sqrt", "no.such.module:f", "math:nothing", "nowhere.py:f"])
def test_a_name_that_leads_to_no_function_is_told(name: str):
    with pytest.raises(FunctionError, match=r"names no function|cannot be|has no function"):
        find(name)
