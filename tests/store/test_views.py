"""The views tell what happened in the words of a reader."""

from typing import Any

import pytest

from simctl.bus.answers import (
    AttemptMade,
    CritiqueWritten,
    HintGiven,
    LessonGiven,
    TaskJudged,
    TaskPosed,
)
from simctl.bus.asks import GiveLesson, Role
from simctl.bus.event import Draft, Utterance
from simctl.bus.messages import (
    AnswerGraded,
    AnyMessage,
    BatchBuilt,
    PolicyEvaluated,
    PolicySynced,
    PolicyUpdated,
    Probe,
    RoundEnded,
    RoundStarted,
    SampleDropped,
    TaskChecked,
    kinds,
)
from simctl.store.duck import DuckLog

_TASK, _RIGHT, _WRONG = 2, 4, 5


class _Story:
    """Events of one round, numbered in the order they are told."""

    def __init__(self) -> None:
        self.drafts: list[Draft] = []

    def tell(
        self, message: AnyMessage, sender: str, *, tokens: int = 0, task: int | None = _TASK
    ) -> None:
        said = Utterance((1,) * 10, (2,) * tokens, (-1.0,) * tokens)
        self.drafts.append(
            Draft(
                producer="all",
                epoch=0,
                pseq=len(self.drafts),
                message=message,
                sender=sender,
                episode="e1.0",
                round=1,
                task=task,
                policy_version=0 if tokens else None,
                utterance=said if tokens else None,
                wall_us=1_000_000 * (1 + len(self.drafts)),
            )
        )


def _grade(of: int, role: Role, reward: float) -> AnswerGraded:
    return AnswerGraded(task=_TASK, of=of, role=role, reward=reward, parts={"right": reward})


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory):
    story = _Story()
    story.tell(RoundStarted(episodes=1), "society", task=None)
    story.tell(TaskPosed(problem="7k+5"), "examiner", tokens=4, task=None)
    story.tell(
        TaskChecked(
            task=_TASK, valid=True, gates={"parses": True}, difficulty=1, reference="k+5=2\n"
        ),
        "environment",
    )
    for index, attempt in enumerate(("k+5=2\n", "k+5=9\n")):
        message = AttemptMade(task=_TASK, index=index, attempt=attempt)
        story.tell(message, "solver", tokens=3)
    story.tell(_grade(_RIGHT, "solver", 1.0), "environment")
    story.tell(_grade(_WRONG, "solver", 0.0), "environment")
    story.tell(
        CritiqueWritten(task=_TASK, of=_WRONG, critique="k+5=2!", verdict=False),
        "critic",
        tokens=5,
    )
    story.tell(_grade(8, "critic", 0.5), "environment")
    story.tell(HintGiven(task=_TASK, partial="", hint="k+5=2"), "guide", tokens=2)
    story.tell(TaskJudged(task=_TASK, clean=0.9, judgement="^"), "guide", tokens=1)
    story.tell(GiveLesson(task=_TASK, problem="7k+5", of=_WRONG, view="reference"), "episode")
    story.tell(
        LessonGiven(task=_TASK, of=_WRONG, view="reference", solution="k+5=2\n"),
        "teacher",
        tokens=3,
    )
    story.tell(RoundEnded(episodes=1), "society", task=None)
    story.tell(
        BatchBuilt(version=1, sources=(_RIGHT, _WRONG, 8), samples=3, tokens=11, digest="d"),
        "trainer",
        task=None,
    )
    story.tell(
        SampleDropped(role="guide", reason="zero variance", sources=(10, 11)), "trainer", task=None
    )
    probe = Probe(prompt=(1,), tokens=(2,), logprobs=(-1.0,))
    story.tell(
        PolicyUpdated(version=1, parent=0, sha256="f", metrics={"loss": 0.5}, probes=(probe,)),
        "trainer",
        task=None,
    )
    story.tell(
        PolicySynced(version=1, sampler="sampler", ok=True, delta=1e-7), "sampler", task=None
    )
    story.tell(
        PolicyEvaluated(
            version=1, suite="targets", scores={"greedy": 0.5, "sampled": 0.25}, problems=300
        ),
        "society",
        task=None,
    )
    with DuckLog(tmp_path_factory.mktemp("story") / "log.duckdb", run="run-a") as told:
        told.submit(story.drafts).result()
        yield told


def _row(log: DuckLog, sql: str) -> dict[str, Any]:
    [row] = log.query(sql).to_pylist()
    return dict(row)


@pytest.mark.parametrize("kind", kinds())
def test_every_kind_has_a_view_with_its_fields(log: DuckLog, kind: str):
    columns = log.query(f'FROM "{kind}"').column_names
    assert set(kinds()[kind].model_fields) - {"kind"} <= set(columns)
    assert {"seq", "round", "episode", "sender", "task", "policy_version"} <= set(columns)


def test_every_view_says_what_it_shows(log: DuckLog):
    silent = log.query(
        "SELECT view_name FROM duckdb_views() WHERE NOT internal AND comment IS NULL"
    )
    assert silent.to_pylist() == []


def test_fields_have_their_types(log: DuckLog):
    row = _row(log, "SELECT gates['parses'] AS gate, difficulty, degenerate FROM task_checked")
    assert row == {"gate": True, "difficulty": 1, "degenerate": 0.0}
    row = _row(log, "SELECT metrics['loss'] AS loss, len(probes) AS probes FROM policy_updated")
    assert row == {"loss": 0.5, "probes": 1}
    row = _row(log, "SELECT speak, attempt FROM give_lesson")
    assert row == {"speak": True, "attempt": ""}


def test_tasks_tell_who_posed_them_and_how_they_went(log: DuckLog):
    row = _row(
        log, "SELECT task, problem, posed_by, valid, reference, attempts, mean_reward FROM tasks"
    )
    assert row == {
        "task": _TASK,
        "problem": "7k+5",
        "posed_by": "examiner",
        "valid": True,
        "reference": "k+5=2\n",
        "attempts": 2,
        "mean_reward": 0.5,
    }


def test_attempts_stand_beside_problem_and_grade(log: DuckLog):
    rows = log.query(
        "SELECT attempt, problem, solution, revised, reward, tokens FROM attempts ORDER BY attempt"
    ).to_pylist()
    shared = {"problem": "7k+5", "revised": False, "tokens": 3}
    assert rows == [
        {"attempt": _RIGHT, "solution": "k+5=2\n", "reward": 1.0, **shared},
        {"attempt": _WRONG, "solution": "k+5=9\n", "reward": 0.0, **shared},
    ]


def test_grades_know_the_role_and_the_policy(log: DuckLog):
    rows = log.query(
        "SELECT role, count(*) AS answers, avg(reward) AS reward, max(policy_version) AS version,"
        " any_value(parts['right']) IS NOT NULL AS parts FROM grades GROUP BY role ORDER BY role"
    ).to_pylist()
    assert rows == [
        {"role": "critic", "answers": 1, "reward": 0.5, "version": 0, "parts": True},
        {"role": "solver", "answers": 2, "reward": 0.5, "version": 0, "parts": True},
    ]


def test_utterances_tell_how_probable_they_were(log: DuckLog):
    row = _row(log, "SELECT * EXCLUDE (round, episode) FROM utterances WHERE role = 'critic'")
    assert row == {
        "utterance": 8,
        "task": _TASK,
        "role": "critic",
        "kind": "critique_written",
        "policy_version": 0,
        "prompt_tokens": 10,
        "tokens": 5,
        "logprob": -5.0,
        "surprise": 1.0,
    }


def test_what_the_trainer_measured_is_found_by_its_name(log: DuckLog):
    rows = log.query("FROM metrics_of('lo%')").to_pylist()
    assert rows == [{"version": 1, "metric": "loss", "value": 0.5}]
    assert log.query("FROM metrics_of('x%')").num_rows == 0


def test_helpers_stand_beside_what_they_helped_with(log: DuckLog):
    row = _row(log, "SELECT attempt, solution, text, attempt_reward, reward FROM critiques")
    wrong = {"attempt": _WRONG, "solution": "k+5=9\n"}
    assert row == {**wrong, "text": "k+5=2!", "attempt_reward": 0.0, "reward": 0.5}
    row = _row(log, "SELECT attempt_solution, view, solution, spoken FROM lessons")
    assert row == {
        "attempt_solution": "k+5=9\n",
        "view": "reference",
        "solution": "k+5=2\n",
        "spoken": True,
    }
    assert _row(log, "SELECT problem, text FROM hints") == {"problem": "7k+5", "text": "k+5=2"}
    assert _row(log, "SELECT problem, clean FROM judgements") == {"problem": "7k+5", "clean": 0.9}


def test_rounds_and_updates_sum_up(log: DuckLog):
    row = _row(log, "SELECT round, seconds, sampled_tokens, attempts, mean_reward FROM rounds")
    assert row == {
        "round": 1,
        "seconds": 13.0,
        "sampled_tokens": 21,
        "attempts": 2,
        "mean_reward": 0.5,
    }
    row = _row(log, "SELECT version, samples, sources, synced, probe_delta FROM updates")
    wanted = {"version": 1, "samples": 3, "sources": 3, "synced": True, "probe_delta": 1e-7}
    assert row == wanted


def test_the_learning_curve_runs_over_sampled_tokens(log: DuckLog):
    rows = log.query(
        "SELECT suite, score_name, score, sampled_tokens FROM learning_curve ORDER BY score_name"
    ).to_pylist()
    assert rows == [
        {"suite": "targets", "score_name": "greedy", "score": 0.5, "sampled_tokens": 21},
        {"suite": "targets", "score_name": "sampled", "score": 0.25, "sampled_tokens": 21},
    ]


def test_a_version_leads_back_to_who_posed_its_tasks(log: DuckLog):
    rows = log.query(
        "SELECT batch, source, role, kind, task, attempt, posed_by, problem, sampled_with"
        " FROM lineage WHERE version = 1 ORDER BY source"
    ).to_pylist()
    shared = {"batch": 15, "task": _TASK, "posed_by": "examiner", "problem": "7k+5"}
    shared["sampled_with"] = 0
    attempted = {"role": "solver", "kind": "attempt_made", **shared}
    assert rows == [
        {"source": _RIGHT, "attempt": _RIGHT, **attempted},
        {"source": _WRONG, "attempt": _WRONG, **attempted},
        {"source": 8, "attempt": _WRONG, "role": "critic", "kind": "critique_written", **shared},
    ]


def test_what_was_trained_on_is_found(log: DuckLog):
    assert log.query(f"FROM trained_on({_RIGHT})").to_pylist() == [{"version": 1, "batch": 15}]
    assert log.query("FROM trained_on(10)").num_rows == 0


def test_drops_tell_what_was_not_trained_on(log: DuckLog):
    rows = log.query("SELECT role, reason, source, kind FROM drops ORDER BY source").to_pylist()
    shared = {"role": "guide", "reason": "zero variance"}
    assert rows == [
        {"source": 10, "kind": "hint_given", **shared},
        {"source": 11, "kind": "task_judged", **shared},
    ]


def test_tokens_are_counted_by_role(log: DuckLog):
    rows = log.query(
        "SELECT role, sum(utterances)::INTEGER AS utterances,"
        " sum(sampled_tokens)::INTEGER AS sampled, sum(prompt_tokens)::INTEGER AS prompt"
        " FROM tokens_by_role WHERE role IN ('solver', 'guide') GROUP BY role ORDER BY role"
    ).to_pylist()
    assert rows == [
        {"role": "guide", "utterances": 2, "sampled": 3, "prompt": 20},
        {"role": "solver", "utterances": 2, "sampled": 6, "prompt": 20},
    ]
