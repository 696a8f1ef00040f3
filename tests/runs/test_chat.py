"""A chat model plays every role: Qwen3's architecture, a tokenizer of its own, ChatML."""

from pathlib import Path

import chat
import pytest
from live import ask, finish, simctl, start

from simctl.agents.policy.vocabulary import Vocabulary
from simctl.bus.asks import ROLES

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of `society` with a model that knows by heart how roles answer, more or less."""
    place = tmp_path_factory.mktemp("chat")
    policy = chat.model(place / "model", steps=130)
    finish(start(place / "run", sets=[*chat.SETS, f"policy.path={policy}"]))
    return place / "run"


def test_every_role_speaks_and_is_graded(run_dir: Path):
    rows = ask(run_dir, "SELECT DISTINCT role FROM answer_graded ORDER BY role")
    assert [row["role"] for row in rows] == sorted(ROLES)


def test_what_could_not_be_read_is_an_event_with_the_reason(run_dir: Path):
    rows = ask(run_dir, "SELECT unread FROM task_judged WHERE unread IS NOT NULL")
    rows += ask(run_dir, "SELECT unread FROM lesson_given WHERE unread IS NOT NULL")
    rows += ask(run_dir, "SELECT unread FROM task_posed WHERE unread IS NOT NULL")
    assert rows
    assert all(row["unread"] for row in rows)


def test_what_is_trained_are_the_ids_of_the_template_and_of_what_was_said(run_dir: Path):
    vocabulary = Vocabulary(run_dir / "policies" / "v000000")
    [row] = ask(
        run_dir,
        "SELECT e.prompt_tokens, e.tokens, a.attempt, p.problem FROM attempt_made a"
        " JOIN events e USING (seq) JOIN task_posed p ON p.seq = a.task"
        " WHERE NOT a.truncated AND a.unread IS NULL LIMIT 1",
    )
    assert vocabulary.decode(row["prompt_tokens"]) == (
        f"<|im_start|>user\n{row['problem']}\nSolve.<|im_end|>\n<|im_start|>assistant\n"
    )
    assert vocabulary.decode(row["tokens"]) == f"{row['attempt']}<|im_end|>"


def test_the_weights_move_and_are_served(run_dir: Path):
    rows = ask(run_dir, "SELECT version, ok FROM policy_synced ORDER BY version")
    assert rows == [{"version": 1, "ok": True}, {"version": 2, "ok": True}]


def test_the_run_does_the_same_once_more(run_dir: Path):
    verified = simctl("verify", run_dir)
    assert verified.returncode == 0, verified.stdout
