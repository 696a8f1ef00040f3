"""`simctl export`: what was shown and said, as Hugging Face's tools take it."""

import json
from pathlib import Path
from typing import Any

import answered
import pytest
import yaml
from answered import ASKED, RIGHT, WORSE, WRONG
from calls import Command
from datasets import load_dataset

from simctl.agents.policy.alphabet import END, encode
from simctl.cli.export.answers import ANSWERS
from simctl.cli.export.choices import FORMS, Form
from simctl.cli.export.dataset import export
from simctl.cli.export.wanted import Wanted
from simctl.cli.recipe import load
from simctl.store.access import open_log
from simctl.store.duck import DuckLog
from simctl.store.server import Endpoint
from simctl.trainer.trajectory import LEARNT

Row = dict[str, Any]
COLUMNS = {
    "sft": ["prompt", "completion"],
    "preference": ["prompt", "chosen", "rejected"],
    "unpaired": ["prompt", "completion", "label"],
    "prompts": ["prompt"],
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run with every kind of answer."""
    return answered.write(tmp_path_factory.mktemp("runs") / "said-001", load("society"))


def exported(run: Path, out: Path, form: Form, **settings: Any) -> list[Row]:
    made = export(run, Wanted(form=form, file="jsonl", **settings), out)
    rows = [json.loads(line) for line in (out / "train.jsonl").read_text().splitlines()]
    assert made.rows == len(rows)
    return rows


def test_texts_are_what_the_logged_tokens_say(run: Path, tmp_path: Path):
    with open_log(run) as log:
        said = log.query("SELECT seq, prompt_tokens, tokens FROM events WHERE tokens IS NOT NULL")
    logged = {row["seq"]: (row["prompt_tokens"], row["tokens"]) for row in said.to_pylist()}
    rows = exported(run, tmp_path / "out", "unpaired")
    found = {r["seq"]: (list(encode(r["prompt"])), list(encode(r["completion"]))) for r in rows}
    assert found == {seq: logged[seq] for seq in found}
    assert len(found) == 14


def test_right_answers_are_those_that_earned_the_threshold(run: Path, tmp_path: Path):
    told = exported(run, tmp_path / "a", "sft", roles=("solver",), where="kind = 'attempt_made'")
    assert [(r["completion"], r["round"]) for r in told] == [(RIGHT + END, 1), (RIGHT + END, 2)]
    told = exported(run, tmp_path / "b", "sft", where="kind = 'attempt_made'", threshold=0.2)
    assert [r["completion"] for r in told] == [WRONG + END, RIGHT + END, RIGHT + END, WRONG + END]


def test_what_the_school_demonstrates_is_right_without_a_grade(run: Path, tmp_path: Path):
    [row] = exported(run, tmp_path / "out", "sft", where="reward IS NULL")
    assert (row["role"], row["kind"], row["policy_version"]) == (
        "critic",
        "demonstration_given",
        None,
    )


def test_pairs_are_of_right_and_wrong_answers_to_one_task(run: Path, tmp_path: Path):
    rows = exported(run, tmp_path / "out", "preference")
    assert [(r["prompt"], r["chosen"], r["rejected"]) for r in rows] == [
        (ASKED, RIGHT + END, WRONG + END),
        (ASKED, RIGHT + END, WORSE + END),
    ]
    [row] = exported(run, tmp_path / "one", "preference", pairs=1)
    assert (row["chosen_reward"], row["rejected_reward"]) == (1.0, 0.25)


def test_labels_tell_right_from_wrong(run: Path, tmp_path: Path):
    rows = exported(run, tmp_path / "out", "unpaired", where="kind = 'attempt_made'")
    assert [(r["reward"], r["label"]) for r in rows] == [
        (0.25, False),
        (1.0, True),
        (0.0, False),
        (1.0, True),
        (0.25, False),
    ]


def test_prompts_come_once_with_how_they_were_answered(run: Path, tmp_path: Path):
    [row] = exported(run, tmp_path / "out", "prompts", where="kind = 'attempt_made'")
    assert (row["prompt"], row["reference"], row["answers"]) == (ASKED, RIGHT, 5)
    assert row["mean_reward"] == pytest.approx(2.5 / 5)


def test_a_row_says_where_it_comes_from(run: Path, tmp_path: Path):
    rows = exported(run, tmp_path / "out", "sft", where="kind = 'attempt_made' AND round = 1")
    with open_log(run) as log:
        attempt, task = (
            next(each for each in log.read() if each.kind == kind and each.seq > after)
            for kind, after in (("attempt_made", rows[0]["seq"] - 1), ("task_posed", 0))
        )
    del rows[0]["prompt"], rows[0]["completion"]
    assert rows == [
        {
            "run": "said-001",
            "role": "solver",
            "kind": "attempt_made",
            "round": 1,
            "task": task.seq,
            "problem": "7k+5l*3m-4",
            "reference": RIGHT,
            "difficulty": 3,
            "seq": attempt.seq,
            "prompt_seq": attempt.cause,
            "episode": "e1.000",
            "policy_version": 0,
            "reward": 1.0,
            "parts": {"correct": 1.0, "worth": None},
            "truncated": False,
        }
    ]


def test_a_condition_reads_the_very_values_that_are_exported(run: Path, tmp_path: Path):
    kinds = ", ".join(f"'{kind}'" for kind in LEARNT)
    with open_log(run) as log:
        asked = ANSWERS.format(until=log.last_seq, kinds=kinds)
        table = log.query(f"{asked} ORDER BY e.seq")
    rows = exported(run, tmp_path / "out", "unpaired")
    by_seq = {row["seq"]: row for row in rows}
    assert {"task_posed", "action_taken", "demonstration_given"} < {r["kind"] for r in rows}
    for row in table.to_pylist(maps_as_pydicts="strict"):
        if row["seq"] in by_seq:
            wanted = {name: by_seq[row["seq"]][name] for name in row}
            wanted["parts"] = {k: v for k, v in wanted["parts"].items() if v is not None} or None
            if row["kind"] == "demonstration_given":
                wanted["difficulty"] = row["difficulty"]
            assert row == wanted


def test_a_condition_may_ask_the_log_and_end_in_a_comment(run: Path, tmp_path: Path):
    where = "seq IN (SELECT seq FROM attempt_made WHERE attempt = 'k+5=1') -- the worst"
    [row] = exported(run, tmp_path / "out", "unpaired", where=where)
    assert row["completion"] == WORSE + END


def test_messages_carry_the_texts_without_the_end(run: Path, tmp_path: Path):
    where = "kind = 'attempt_made'"
    rows = exported(run, tmp_path / "out", "preference", where=where, conversational=True)
    assert rows[0]["prompt"] == [{"role": "user", "content": ASKED}]
    assert rows[0]["chosen"] == [{"role": "assistant", "content": RIGHT}]


def test_a_live_run_is_exported_up_to_now(run: Path, tmp_path: Path):
    ended = exported(run, tmp_path / "ended", "unpaired")
    with DuckLog(run / "log.duckdb", run=run.name) as log, Endpoint(log, run, log.submit):
        assert exported(run, tmp_path / "live", "unpaired") == ended


@pytest.mark.parametrize("file", ["parquet", "jsonl"])
@pytest.mark.parametrize("form", FORMS)
def test_datasets_reads_what_was_exported(run: Path, tmp_path: Path, form: Form, file: Any):
    made = export(run, Wanted(form=form, file=file), tmp_path / "out")
    found = load_dataset(str(tmp_path / "out"), split="train", cache_dir=str(tmp_path / "cache"))
    assert found.num_rows == made.rows
    assert [name for name in COLUMNS[form] if name not in found.column_names] == []


def test_the_card_says_how_the_dataset_was_made(run: Path, tmp_path: Path):
    made = export(run, Wanted(form="sft", roles=("solver",), where="round = 1"), tmp_path / "out")
    _, front, text = (tmp_path / "out" / "README.md").read_text().split("---\n", 2)
    read = yaml.safe_load(front)
    assert read["configs"][0]["data_files"] == [{"split": "train", "path": "train.parquet"}]
    with open_log(run) as log:
        [last] = log.read(log.last_seq - 1)
    assert made.source.chain == last.hash
    call = '`simctl export said-001 --format sft --role solver --where "round = 1" --file parquet`'
    assert [each in text for each in (last.hash, call, "| seed | 0 |", 'name = "society"')] == [
        True
    ] * 4


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--where", "reward >"], "syntax error"),
        (["--where", "rewart > 1"], "rewart"),
        (["--where", "true); DELETE FROM events WHERE (true"], "one statement at a time"),
        (["--where", "seq IN (SELECT seq FROM read_csv('/etc/passwd'))"], "read_csv"),
        (["--where", "reward > 7"], "0 answers meet --where 'reward > 7'"),
        (["--role", "pupil"], "pupil is no role"),
    ],
)
def test_misuse_is_told(run: Path, simctl: Command, words: list[str], told: str):
    said = simctl("export", run, "--format", "sft", *words)
    assert said.code == 2
    assert told in said.err
    assert not Path("said-001-sft").exists()


def test_nothing_is_overwritten(run: Path, simctl: Command, tmp_path: Path):
    (tmp_path / "out").mkdir()
    said = simctl("export", run, "--format", "sft", "--out", tmp_path / "out")
    assert (said.code, "name another --out" in said.err) == (2, True)


def test_the_command_says_what_it_made(run: Path, simctl: Command, tmp_path: Path):
    said = simctl("export", run, "-f", "preference", "--out", tmp_path / "out")
    assert (said.code, "2 rows" in said.out) == (0, True)
