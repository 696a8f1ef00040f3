"""What a run has spent is told by its log: sampled tokens, and answers that a teacher scored."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simctl.bus.answers import AttemptMade, LessonGiven
from simctl.bus.event import Draft, Utterance
from simctl.bus.messages import (
    AnyMessage,
    BatchBuilt,
    PolicyEvaluated,
    PolicyUpdated,
    RunEnded,
    RunResumed,
    RunStarted,
)
from simctl.store.duck import DuckLog


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckLog]:
    """Two rounds of 12 and 8 sampled tokens; only in the second a teacher scores any again."""
    drafts: list[Draft] = []

    def say(message: AnyMessage, round_: int, tokens: int | None = None) -> None:
        said = None if tokens is None else Utterance((1,), (2,) * tokens, (-0.1,) * tokens)
        drafts.append(
            Draft(
                "all",
                0,
                len(drafts),
                message,
                "all",
                round=round_,
                policy_version=0,
                utterance=said,
            )
        )

    for number, sampled, again in ((1, 12, 0), (2, 8, 6)):
        say(AttemptMade(task=1, index=0, attempt="k"), number, sampled)
        say(LessonGiven(task=1, of=1, view="reference", solution=""), number, 0)
        built = BatchBuilt(
            version=number, sources=(), samples=1, tokens=1, digest="", teacher_tokens=again
        )
        say(built, number)
        say(PolicyUpdated(version=number, parent=0, sha256="", metrics={}), number)
        say(AttemptMade(task=1, index=1, attempt="k"), number + 1, 0)
        say(PolicyEvaluated(version=number, suite="s", scores={"greedy": 0.5}, problems=1), 0)
    with DuckLog(tmp_path_factory.mktemp("spent") / "log.duckdb", run="run") as opened:
        opened.submit(drafts).result()
        yield opened


def rows(log: DuckLog, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in log.query(sql).to_pylist()]


def test_rounds_tell_what_they_cost_and_what_was_spent_by_then(log: DuckLog):
    sql = "SELECT sampled_tokens, teacher_tokens, spent_tokens FROM spending ORDER BY round LIMIT 2"
    assert rows(log, sql) == [(12, 0, 12), (8, 6, 26)]


def test_a_version_tells_what_was_spent_to_make_it(log: DuckLog):
    sql = "SELECT version, sampled_tokens, teacher_tokens, spent_tokens FROM learning_curve"
    assert rows(log, f"{sql} ORDER BY version") == [(1, 12, 0, 12), (2, 20, 6, 26)]


def test_a_versions_seconds_are_those_of_playing_and_not_of_the_pause(tmp_path: Path):
    told: list[tuple[AnyMessage, int]] = [
        (RunStarted(recipe="", seed=0, policy_sha256="", machine={}), 100),
        (PolicyUpdated(version=1, parent=0, sha256="", metrics={}), 103),
        (RunEnded(reason="interrupted"), 105),
        (RunResumed(incarnation=2), 965),
        (PolicyUpdated(version=2, parent=1, sha256="", metrics={}), 969),
        *(
            (PolicyEvaluated(version=v, suite="s", scores={"greedy": 0.5}, problems=1), 970)
            for v in (1, 2)
        ),
    ]
    drafts = [
        Draft("all", 0, at, message, "all", wall_us=seconds * 1_000_000)
        for at, (message, seconds) in enumerate(told)
    ]
    with DuckLog(tmp_path / "log.duckdb", run="run") as opened:
        opened.submit(drafts).result()
        sql = "SELECT version, seconds FROM learning_curve ORDER BY version"
        assert rows(opened, sql) == [(1, 3.0), (2, 9.0)]
