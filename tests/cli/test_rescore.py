"""Solutions can be graded once more, beside the grades that they have."""

import asyncio
import json
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

import pytest
import told
from calls import Command

from simctl.agents.memory import recall
from simctl.bus.event import Draft, Event
from simctl.cli.recipe import load
from simctl.cli.rescoring import RESCORED, rescores, with_rewards
from simctl.cli.verifiers import BUILT_IN, verifier
from simctl.store.access import open_log
from simctl.store.duck import DuckLog
from simctl.store.said import said
from simctl.store.server import Endpoint

SOLUTIONS = 3 * 2 * 2  # rounds, episodes, attempts
LONG = """
def reward(problem, answer):
    return {"reward": len(answer) / 100, "characters": len(answer)}
"""


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    return told.write(tmp_path / "run", load("society"))


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    file = tmp_path / "mine.py"
    file.write_text(LONG)
    return file


def rows(simctl: Command, run_dir: Path, sql: str) -> list[dict[str, object]]:
    return json.loads(simctl("query", run_dir, sql, "--format", "json").out)


def test_new_grades_stand_beside_the_old_ones(simctl: Command, run_dir: Path, mine: Path):
    before = rows(simctl, run_dir, "from answer_graded")
    answered = simctl("rescore", run_dir, "--verifier", f"{mine}:reward")
    assert answered.code == 0, answered.err
    assert f"{SOLUTIONS} grades of mine.py:reward@" in answered.out
    assert rows(simctl, run_dir, "from answer_graded") == before
    sql = "select reward, new_reward, new_parts, solution from rescored"
    for row in rows(simctl, run_dir, sql):
        assert row["new_reward"] == len(str(row["solution"])) / 100
        assert row["new_parts"] == {"characters": len(str(row["solution"]))}
        assert row["reward"] == float(row["solution"] == told.SOLUTION)


def test_a_new_grade_is_caused_by_what_it_grades(simctl: Command, run_dir: Path):
    simctl("rescore", run_dir, "--verifier", "progress")
    sql = """
        select count(*) n from events r join events a on a.seq = r.cause
        where r.kind = 'answer_rescored' and a.kind = 'attempt_made' and r.sender = 'rescore'
        and (r.round, r.episode, r.task) = (a.round, a.episode, a.task)
    """
    assert rows(simctl, run_dir, sql) == [{"n": SOLUTIONS}]


def test_the_environments_own_rule_changes_nothing(simctl: Command, run_dir: Path):
    answered = simctl("rescore", run_dir, "--verifier", "correct")
    [line] = (each for each in answered.out.splitlines() if each.startswith("solver"))
    assert line.split() == ["solver", "12", ".50", ".50", "0", "1.00"]


def test_the_same_verifier_adds_nothing_twice_and_another_text_is_another(
    simctl: Command, run_dir: Path, mine: Path
):
    for _ in range(2):
        answered = simctl("rescore", run_dir, "--verifier", f"{mine}:reward")
    assert "nothing was added" in answered.out
    mine.write_text(LONG.replace("100", "50"))
    simctl("rescore", run_dir, "--verifier", f"{mine}:reward")
    sql = "select producer, epoch, count(*) n, max(pseq) last from events group by all having"
    found = rows(simctl, run_dir, f"{sql} producer = 'rescore' order by epoch")
    assert [(row["epoch"], row["n"], row["last"]) for row in found] == [(0, 12, 11), (1, 12, 11)]


BAD = {
    "return 'good'": "a finite number is wanted",
    "return float('nan')": "a finite number is wanted",
    "return {'length': 3}": "needs the key 'reward'",
    "return None": "a finite number is wanted",
    "return answer[1000]": "fails: IndexError",
}


@pytest.mark.parametrize("body", BAD)
def test_what_is_no_grade_is_refused_and_nothing_is_written(
    simctl: Command, run_dir: Path, mine: Path, body: str
):
    mine.write_text(f"def reward(problem, answer):\n    {body}\n")
    answered = simctl("rescore", run_dir, "--verifier", f"{mine}:reward")
    assert (answered.code, BAD[body] in answered.err) == (2, True), answered.err
    assert rows(simctl, run_dir, "from answer_rescored") == []


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("nice", "correct, progress or final, or FILE.py:FUNCTION"),
        ("nowhere.py:reward", "cannot be read"),
        ("mine.py:other", "has no function 'other'"),
    ],
)
def test_a_verifier_that_is_not_there_is_told(
    simctl: Command, run_dir: Path, mine: Path, name: str, why: str
):
    given = name.replace("mine.py", str(mine))
    answered = simctl("rescore", run_dir, "--verifier", given)
    assert (answered.code, why in answered.err) == (2, True), answered.err


def test_a_run_that_ended_has_still_ended(simctl: Command, run_dir: Path):
    recipe = load("society")
    with open_log(run_dir) as log:
        before = recall(log.read(), recipe.syllabus())
    simctl("rescore", run_dir, "--verifier", "final")
    with open_log(run_dir) as log:
        assert recall(log.read(), recipe.syllabus()) == before
    assert "finished" in simctl("runs", "--runs-dir", run_dir.parent).out
    assert "is finished" in simctl("run", "--resume", run_dir).err


def test_a_live_run_is_not_rescored(simctl: Command, run_dir: Path):
    def publish(_: Sequence[Draft]) -> Future[list[Event]]:
        raise AssertionError

    with DuckLog(run_dir / "log.duckdb", run="run") as log, Endpoint(log, run_dir, publish):
        answered = simctl("rescore", run_dir, "--verifier", "final")
    assert (answered.code, "is live" in answered.err) == (2, True), answered.err


@pytest.mark.parametrize("name", BUILT_IN)
def test_learning_hears_the_new_rewards_in_place_of_the_old(run_dir: Path, name: str):
    rule, grade = verifier(name, load("society").environment())
    kinds = {"task_posed", "attempt_made", "answer_graded"}
    with DuckLog(run_dir / "log.duckdb", run="run") as log:
        heard = list(said(log, kinds))
        new = {each.after.of: each.after for each in rescores(heard, grade, rule)}
        drafts = [
            Draft("rescore", 0, pseq, each, "rescore") for pseq, each in enumerate(new.values())
        ]
        asyncio.run(log.append(drafts))
        again = list(with_rewards(heard, said(log, {RESCORED}), rule))
    assert len(again) == len(heard)
    for one, other in zip(heard, again, strict=True):
        grade_of = getattr(one.message, "of", None)
        if grade_of in new and one.kind == "answer_graded":
            assert other.message.reward == new[grade_of].reward
            assert other._replace(payload="") == one._replace(payload="")
        else:
            assert other == one


def test_rewards_that_nobody_gave_cannot_teach(simctl: Command, tmp_path: Path, run_dir: Path):
    simctl("rescore", run_dir, "--verifier", "final")
    answered = simctl("train", "--from", run_dir, "--rewards", "nice", "--out", tmp_path / "out")
    assert answered.code == 2
