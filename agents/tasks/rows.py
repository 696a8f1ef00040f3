"""Rows: the questions of a dataset, read from the Hugging Face hub or a file of one's own."""

import csv
import importlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from pydantic import Field

from simctl.agents.tasks.environment import TaskError
from simctl.bus.values import Value

_NUMBER = re.compile(r"[0-9]+")
_SUFFIXES = (".json", ".jsonl", ".csv", ".parquet")


class Source(Value):
    """Where rows come from, and which columns matter."""

    dataset_name: str = Field(
        description="a dataset of the Hugging Face hub, or a .json, .jsonl, .csv or .parquet file"
    )
    dataset_config: str = Field(default="", description="its configuration, if it has several")
    split: str = Field(default="train", description="the split of a dataset of the hub")
    question_column: str = Field(default="question", description="the column with the problem")
    answer_column: str = Field(
        default="answer", description="the column with the answer; a list holds alternatives"
    )
    difficulty_column: str = Field(
        default="", description="a column whose last number is the difficulty; without, it is 1"
    )


class Row(Value):
    """A question's right answers, one at least, and all that its row holds."""

    answers: tuple[str, ...]
    difficulty: int
    columns: dict[str, Any]


def rows(source: Source) -> dict[str, Row]:
    """Return the rows by their question; of two with one question the first.

    Rows without a question or an answer are left out: nothing can be asked or graded.

    Raises:
        TaskError: the dataset cannot be had, or lacks a column.
    """
    found: dict[str, Row] = {}
    for columns in _columns(source):
        question = _cell(columns, source.question_column, source)
        answers = _answers(_cell(columns, source.answer_column, source), source)
        if isinstance(question, str) and question.strip() and answers:
            level = _difficulty(columns, source)
            found.setdefault(question, Row(answers=answers, difficulty=level, columns=columns))
    if not found:
        raise TaskError(f"{source.dataset_name} has no row with a question and an answer")
    return found


def _columns(source: Source) -> Iterable[dict[str, Any]]:
    path = Path(source.dataset_name)
    if path.suffix not in _SUFFIXES:
        return _hub(source)
    try:
        return _file(path)
    except (OSError, ValueError) as error:  # of which all that is wrong with JSON and Parquet is
        raise TaskError(f"dataset {path} cannot be read: {error}") from error


def _file(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        return list(pq.read_table(path).to_pylist())
    text = path.read_text("utf-8")
    if path.suffix == ".csv":
        return list(csv.DictReader(text.splitlines(keepends=True)))
    if path.suffix == ".jsonl" or not text.lstrip().startswith("["):
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    return list(json.loads(text))


def _hub(source: Source) -> Iterable[dict[str, Any]]:
    try:
        datasets: Any = importlib.import_module("datasets")
    except ImportError as error:
        raise TaskError(
            "a dataset of the hub needs an extra that is not installed: "
            "pip install 'simctl[datasets]'"
        ) from error
    try:
        loaded: Iterable[dict[str, Any]] = datasets.load_dataset(
            source.dataset_name, source.dataset_config or None, split=source.split
        )
    except Exception as error:
        raise TaskError(
            f"dataset {source.dataset_name} cannot be loaded: {type(error).__name__}: {error}"
        ) from error
    return loaded


def _cell(columns: Mapping[str, Any], name: str, source: Source) -> Any:
    if name not in columns:
        has = ", ".join(columns)
        raise TaskError(f"{source.dataset_name} has no column {name!r}; it has {has}")
    return columns[name]


def _answers(value: Any, source: Source) -> tuple[str, ...]:
    """Return the answers of a cell as text; nothing is no answer, and not the text "None"."""
    match value:
        case None:
            return ()
        case str():
            return (value,) if value.strip() else ()
        case int() | float():
            return (str(value),)
        case list() | tuple():
            return tuple(answer for each in value for answer in _answers(each, source))
        case _:
            raise TaskError(
                f"column {source.answer_column!r} of {source.dataset_name} holds {value!r}; "
                "text, a number or a list of them is wanted"
            )


def _difficulty(columns: Mapping[str, Any], source: Source) -> int:
    if not source.difficulty_column:
        return 1
    cell = _cell(columns, source.difficulty_column, source)
    numbers = _NUMBER.findall(str(cell))
    if not numbers or int(numbers[-1]) < 1:
        raise TaskError(
            f"column {source.difficulty_column!r} of {source.dataset_name} holds {cell!r}; "
            "a number from 1 is wanted"
        )
    return int(numbers[-1])
