"""The view `flows` tells who was shown what of whom."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from simctl.bus.answers import AttemptMade, CritiqueWritten, HintGiven, TaskPosed
from simctl.bus.asks import GiveHint, GiveLesson, PoseTask, ReviseAttempt, SolveTask, WriteCritique
from simctl.bus.event import Draft
from simctl.bus.messages import AnswerGraded, AnyMessage, BatchBuilt
from simctl.store.duck import DuckLog

PROBLEM, ATTEMPT = "7k+5", "k+5=2"


def told() -> Iterator[tuple[AnyMessage, str, str, int | None]]:
    """Give what is said, by whom and to whom, about which task."""
    yield PoseTask(), "episode", "examiner", None
    yield TaskPosed(problem=PROBLEM), "examiner", "episode", None  # 2
    yield SolveTask(task=2, problem=PROBLEM), "episode", "solver", 2
    yield AttemptMade(task=2, index=0, attempt=ATTEMPT), "solver", "episode", 2  # 4
    yield AnswerGraded(task=2, of=4, role="solver", reward=1.0, parts={}), "environment", "", 2
    critique = WriteCritique(task=2, problem=PROBLEM, of=4, attempt=ATTEMPT)
    yield critique, "episode", "critic", 2
    wrong = CritiqueWritten(task=2, of=4, critique="k!", verdict=False)
    yield wrong, "critic", "episode", 2  # 7
    lesson = GiveLesson(task=2, problem=PROBLEM, of=4, view="critique", critique="k!")
    yield lesson, "episode", "teacher", 2
    revise = ReviseAttempt(task=2, problem=PROBLEM, of=4, attempt=ATTEMPT, critique="k!")
    yield revise, "episode", "solver", 2
    yield GiveHint(task=2, problem=PROBLEM, partial=""), "episode", "guide", 2
    yield HintGiven(task=2, partial="", hint="k"), "guide", "episode", 2  # 11
    yield SolveTask(task=2, problem=PROBLEM, hint="k"), "episode", "solver", 2
    yield PoseTask(parent=PROBLEM, parent_task=2), "episode", "examiner", None
    batch = BatchBuilt(version=1, sources=(4, 7), samples=2, tokens=2, digest="")
    yield batch, "trainer", "", None


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckLog]:
    path: Path = tmp_path_factory.mktemp("flows") / "log.duckdb"
    with DuckLog(path, run="flows") as made:
        drafts = [
            Draft("all", 0, at, message, sender, recipient, episode="e1.0", round=1, task=task)
            for at, (message, sender, recipient, task) in enumerate(told())
        ]
        made.submit(drafts).result()
        yield made


def test_every_hearer_is_shown_what_others_said(log: DuckLog):
    rows = log.query("SELECT said_by, heard_by, what FROM flows").to_pylist()
    assert Counter((row["said_by"], row["heard_by"], row["what"]) for row in rows) == {
        ("society", "examiner", "curriculum_moved"): 1,
        ("examiner", "examiner", "task_posed"): 1,  # it goes on from a task of its own
        ("examiner", "solver", "task_posed"): 2,
        ("examiner", "guide", "task_posed"): 1,
        ("solver", "critic", "attempt_made"): 1,
        ("solver", "teacher", "attempt_made"): 1,
        ("solver", "solver", "attempt_made"): 1,  # it revises its own attempt
        ("critic", "teacher", "critique_written"): 1,
        ("critic", "solver", "critique_written"): 1,
        ("guide", "solver", "hint_given"): 1,
        ("environment", "solver", "answer_graded"): 1,
        ("solver", "trainer", "attempt_made"): 1,
        ("critic", "trainer", "critique_written"): 1,
    }


def test_a_flow_is_placed_where_it_was_shown(log: DuckLog):
    [row] = log.query("SELECT seq, round, episode FROM flows WHERE what = 'hint_given'").to_pylist()
    assert row == {"seq": 12, "round": 1, "episode": "e1.0"}
