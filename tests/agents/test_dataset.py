import json
import sys
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset

from simctl.agents.tasks.comparer import Comparer
from simctl.agents.tasks.dataset import DatasetSettings, DatasetTasks, final, normalised
from simctl.agents.tasks.environment import TaskError
from simctl.bus.dice import dice

ROWS = [
    {"question": f"What is {n} and {n}?", "answer": f"Twice {n} is {2 * n}.\n#### {2 * n}"}
    for n in range(1, 21)
]
PROBLEM = "What is 4 and 4?"


def write(folder: Path, rows: list[dict[str, Any]], name: str = "rows.jsonl") -> str:
    path = folder / name
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return str(path)


def made(folder: Path, rows: list[dict[str, Any]] | None = None, **settings: Any) -> DatasetTasks:
    name = write(folder, ROWS if rows is None else rows)
    given = {"grading": "exact", **settings}
    return DatasetTasks({1: 1}, DatasetSettings(dataset_name=name, **given))


@pytest.fixture(scope="module")
def comparer() -> Comparer:
    return Comparer(20.0)


@pytest.mark.parametrize(
    ("reference", "attempt", "equal"),
    [
        ("#### 18", "So she makes $18 every day.", True),
        ("18", "\\boxed{18}", True),
        ("18", "\\boxed{17}", False),
        ("\\frac{1}{2}", "It is $0.5$.", True),
        ("\\frac{1}{2}", "It is 2.", False),
        ("18", "", False),
        ("18", "no idea", False),
        ("18", "None", False),
        ("no number here", "no number here", None),
        ("", "None", None),
        ("None", "", None),
    ],
)
def test_math_verify_compares_answers(
    comparer: Comparer, reference: str, attempt: str, equal: bool | None
):
    assert comparer.equal(reference, attempt) is equal


@pytest.mark.slow
def test_a_comparison_without_end_is_ended_and_the_next_has_a_verdict():
    comparer = Comparer(1.0)
    assert comparer.equal("1", "$9^{9^{9^{9}}}$") is None
    assert comparer.equal("18", "18") is True


def test_an_answer_that_math_verify_cannot_read_is_compared_as_text_only_when_asked(
    tmp_path: Path,
):
    rows = [{"question": "Capital?", "answer": "Paris"}, *ROWS]
    strict = made(tmp_path, rows, grading="math")
    assert strict.grade_attempt("Capital?", "Paris").parts == {
        "correct": 0.0,
        "progress": 0.0,
        "unread": 1.0,
    }
    lenient = made(tmp_path, rows, grading="math", exact_fallback=True)
    assert lenient.grade_attempt("Capital?", "The answer is Paris.").parts["correct"] == 1.0
    assert lenient.grade_attempt("Capital?", "None").parts["correct"] == 0.0


@pytest.mark.parametrize(
    ("attempt", "answer"),
    [
        ("\\boxed{7} or rather \\boxed{8}", "8"),
        ("It is twice.\n#### 8\n", "8"),
        ("Final answer: The Nile.", "The Nile."),
        ("8", "8"),
        ("", ""),
    ],
)
def test_the_last_answer_that_is_given_counts(attempt: str, answer: str):
    assert final(attempt) == answer


def test_case_articles_and_punctuation_say_nothing():
    assert normalised("The  Nile.") == normalised("nile") == "nile"
    assert normalised("-3.5") != normalised("3.5")


def test_a_right_answer_is_correct_and_another_is_wrong(tmp_path: Path):
    env = made(tmp_path)
    assert env.grade_attempt(PROBLEM, "#### 8").parts["correct"] == 1.0
    assert env.grade_attempt(PROBLEM, "#### 9").parts["correct"] == 0.0


def test_the_name_of_nothing_is_an_answer_only_where_it_stands_in_the_dataset(tmp_path: Path):
    rows = [
        {"question": "How many?", "answer": "None"},
        {"question": "Who?", "answer": None},
        {"question": "Where?", "answer": " "},
        {"question": "Why?", "answer": "So"},
    ]
    env = made(tmp_path, rows)
    assert env.grade_attempt("How many?", "none").parts["correct"] == 1.0
    assert env.grade_attempt("Why?", "None").parts["correct"] == 0.0
    assert not env.check("Who?").gates["known"]
    assert not env.check("Where?").gates["known"]


def test_a_list_of_answers_holds_alternatives(tmp_path: Path):
    rows = [{"question": "Who?", "answer": ["Ada", "Lovelace"]}, *ROWS]
    env = made(tmp_path, rows)
    assert [env.grade_attempt("Who?", said).parts["correct"] for said in ("lovelace", "B")] == [
        1,
        0,
    ]


def test_what_is_held_out_follows_from_the_questions_and_the_split_seed_alone(tmp_path: Path):
    first, again = made(tmp_path).targets(1, 5), made(tmp_path, ROWS[::-1]).targets(1, 3)
    assert first[:3] == again
    assert first != made(tmp_path, split_seed=1).targets(1, 5)


def test_a_target_is_never_drawn_and_does_not_pass(tmp_path: Path):
    env = made(tmp_path)
    [target] = env.targets(1, 1)
    assert not env.check(target).valid
    assert target not in {env.draw(1, dice(seed)) for seed in range(200)}


def test_a_question_that_nobody_has_the_answer_of_does_not_pass(tmp_path: Path):
    assert not made(tmp_path).check("What is 99 and 99?").valid


def test_a_column_says_the_difficulty(tmp_path: Path):
    rows = [{**row, "level": f"Level {1 + at % 3}"} for at, row in enumerate(ROWS)]
    env = made(tmp_path, rows, difficulty_column="level")
    assert env.check(env.draw(3, dice(0))).difficulty == 3
    with pytest.raises(TaskError, match="no questions of difficulty 4; it has 1, 2, 3"):
        env.draw(4, dice(0))


@pytest.mark.parametrize("suffix", ["json", "csv", "parquet"])
def test_a_file_of_any_kind_gives_the_same_questions(tmp_path: Path, suffix: str):
    path = tmp_path / f"rows.{suffix}"
    match suffix:
        case "json":
            path.write_text(json.dumps(ROWS), encoding="utf-8")
        case "csv":
            Dataset.from_list(ROWS).to_csv(path)
        case _:
            pq.write_table(pa.Table.from_pylist(ROWS), path)
    env = DatasetTasks({}, DatasetSettings(dataset_name=str(path), grading="exact"))
    assert env.targets(1, 20) == made(tmp_path).targets(1, 20)


def test_a_dataset_of_the_hub_is_loaded_by_its_name(monkeypatch: pytest.MonkeyPatch):
    asked: list[Any] = []

    def load(*name: Any, split: str) -> Dataset:
        asked.append((*name, split))
        return Dataset.from_list(ROWS)

    monkeypatch.setattr("datasets.load_dataset", load)
    settings = DatasetSettings(
        dataset_name="openai/gsm8k", dataset_config="main", split="test", grading="exact"
    )
    assert DatasetTasks({}, settings).check(PROBLEM).valid
    assert asked == [("openai/gsm8k", "main", "test")]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"answer_column": "solution"}, "no column 'solution'; it has question, answer"),
        ({"question_column": "prompt"}, "no column 'prompt'"),
        ({"difficulty_column": "level"}, "no column 'level'"),
    ],
)
def test_a_column_that_is_not_there_is_told(tmp_path: Path, settings: dict[str, str], told: str):
    with pytest.raises(TaskError, match=told):
        made(tmp_path, **settings)


@pytest.mark.parametrize(
    ("missing", "settings"),
    [("datasets", {"dataset_name": "some/where"}), ("math_verify", {"grading": "math"})],
)
def test_a_missing_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str, settings: dict[str, str]
):
    monkeypatch.setitem(sys.modules, missing, None)
    name = write(tmp_path, ROWS)
    with pytest.raises(TaskError, match=r"pip install 'simctl\[datasets\]'"):
        DatasetTasks({}, DatasetSettings(**{"dataset_name": name, "grading": "exact", **settings}))


def test_a_file_that_is_not_there_is_told():
    with pytest.raises(TaskError, match=r"dataset nowhere\.json cannot be read"):
        DatasetTasks({}, DatasetSettings(dataset_name="nowhere.json"))


def test_without_steps_a_hint_must_go_on_with_the_reference_and_a_critique_has_a_verdict(
    tmp_path: Path,
):
    env = made(tmp_path)
    assert env.grade_hint(PROBLEM, "Twice 4", " is 8.").parts["right"] == 1.0
    assert env.grade_hint(PROBLEM, "", "Half").parts["right"] == 0.0
    assert env.grade_critique(PROBLEM, "#### 9", "!").parts == {"exact": 1.0, "verdict": 1.0}
    assert env.right_prefix(PROBLEM, "#### 9") == ""


def test_a_dataset_shows_what_the_solver_answers(tmp_path: Path):
    env = made(tmp_path)
    shown = env.demonstration(Random(0), ("solver", "critic"), 10)  # noqa: S311 - a draw, no secret
    assert (shown.role, shown.prompt) == ("solver", f"@{shown.problem}>")
    with pytest.raises(TaskError, match="name one of them"):
        env.demonstration(dice(0), ("critic",), 10)
