"""`simctl compare` and `simctl experiment` as somebody uses them, on runs that are there."""

import csv
import io
import json
import shutil
import sys
from collections.abc import Iterable
from itertools import product
from pathlib import Path

import pytest
from calls import Command, Said

from simctl.cli.arms import parse
from simctl.cli.recipe import dump

ARMS = ("grpo", "star:run.episodes=8")
TOKENS = "400"
SQL = "SELECT spent_tokens AS tokens, round / 10 AS score FROM spending"
EXPERIMENT = f"""
title = "Does imitation keep up?"
finding = "none"
claim = "star is no worse than grpo"
tokens = {TOKENS}
metric = "a tenth of a round"
sql = "{SQL}"
[compare]
kind = "no_worse"
arm = "star"
than = "grpo"
by = 0.1
[[arms]]
name = "grpo"
recipe = "grpo"
[[arms]]
name = "star"
recipe = "star"
"""


def pretend(told_run: Path, place: Path, arms: Iterable[str], seeds: Iterable[int]) -> Path:
    """Let a told run stand for that of every arm and seed."""
    for arm, seed in product(map(parse, arms), seeds):
        copy = shutil.copytree(told_run, place / f"{arm.slug}-{seed}")
        (copy / "run.toml").write_text(dump(arm.load(seed, int(TOKENS))))
    return place


@pytest.fixture(scope="session")
def played(told_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the finished runs of two arms and two seeds."""
    return pretend(told_run, tmp_path_factory.mktemp("compared"), ARMS, range(2))


@pytest.fixture
def compare(simctl: Command, played: Path) -> Command:
    def call(*words: str | Path) -> Said:
        seeds = ("--seeds", "0", "1", "--tokens", TOKENS, "--dir", played)
        return simctl("compare", *ARMS, *seeds, *words)

    return call


def test_a_table_tells_what_each_arm_came_to_and_by_how_much_they_differ(compare: Command):
    said = compare()
    lines = said.out.splitlines()
    assert (said.code, said.err) == (0, "")
    assert [line.split()[:2] for line in lines[1:3]] == [["grpo", "2"], [ARMS[1], "2"]]
    assert lines[5].split(maxsplit=1) == [ARMS[1], "+0.000 [+0.000, +0.000], 2 seeds"]


def test_rows_are_written_as_json_with_the_score_of_every_seed(compare: Command):
    [one, other] = json.loads(compare("--format", "json", "--metric", "targets/greedy").out)
    # told runs score 0.3 a round, each of 158 tokens: between 316 and 474 at 400
    score = pytest.approx(0.6 + 0.3 * (400 - 316) / 158)
    assert (one["arm"], one["seeds"], one["scores"]) == ("grpo", [0, 1], [score, score])
    assert (other["difference"], other["pairs"], one["difference"]) == (0.0, 2, None)
    assert (one["sampled_tokens"], one["teacher_tokens"]) == (474, 0)


def test_rows_are_written_as_csv_and_markdown(compare: Command):
    metrics = ("--metric", "targets/greedy", "--metric", "beyond-12/greedy")
    rows = csv.DictReader(io.StringIO(compare("-f", "csv", *metrics).out))
    assert [(row["arm"], row["metric"]) for row in rows] == [
        (arm, metric) for arm in ARMS for metric in metrics[1::2]
    ]
    assert (
        "| arm | seeds | targets/greedy | beyond-12/greedy |"
        in compare("-f", "markdown", *metrics).out
    )


def test_a_plot_is_drawn_where_it_is_wanted(compare: Command, tmp_path: Path):
    assert compare("--out", tmp_path / "figure").code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["figure.png", "figure.svg"]


def test_runs_that_are_there_are_not_played_again(compare: Command, played: Path):
    before = {path: path.stat().st_mtime_ns for path in played.rglob("*.duckdb")}
    compare()
    assert {path: path.stat().st_mtime_ns for path in played.rglob("*.duckdb")} == before


def test_a_run_that_fails_is_named_and_does_not_stop_the_others(
    simctl: Command, told_run: Path, tmp_path: Path
):
    pretend(told_run, tmp_path, ["grpo"], range(2))
    (tmp_path / "grpo-1" / "log.duckdb").write_bytes(b"something else")
    words = ("--seeds", "0", "1", "--tokens", TOKENS, "--dir", tmp_path, "-f", "json")
    said = simctl("compare", "grpo", *words)
    assert (said.code, "2 of 2  grpo seed 1: failed: " in said.err) == (1, True), said.err
    assert [row["seeds"] for row in json.loads(said.out)] == [[0]]


MISTAKES = [
    (["grop", "star"], "there is no recipe 'grop'; there are: grpo, "),
    (["grpo", "grpo"], "arm grpo is there twice"),
    (["grpo:run.round=3"], "run.round is no key; allowed here: rounds, "),
    (["grpo:rounds"], "recipe grpo has no arm rounds; there are: "),
    (["3"], "there is nothing to compare: name recipes"),
    (["grpo", "--metric", "targets"], "metric targets is not written SUITE/SCORE"),
    (["grpo", "--metric", "target/greedy"], "grpo has no suite target; there are: targets, "),
    (["grpo", "--policy", "nowhere"], "policy nowhere is no directory"),
    (["grpo", "--out", "plot.gif"], "a plot can be .png, .svg, .pdf"),
    (["grpo", "--dir", "runs/told-001"], "runs/told-001 is no directory of runs"),
    (["told-001", "--dir", "runs"], "there is no recipe 'told-001'"),
]


@pytest.mark.parametrize(("words", "wrong"), MISTAKES)
def test_a_mistake_is_told_in_a_line_before_anything_is_played(
    simctl: Command, words: list[str], wrong: str
):
    said = simctl("compare", *words, "--tokens", "400")
    assert (said.code, said.err[:7], wrong in said.err) == (2, "error: ", True), said.err
    assert len(said.err.splitlines()) == 1
    assert not Path("runs/compare").exists()


def test_a_score_that_was_not_measured_is_told(compare: Command):
    said = compare("--metric", "targets/pass@4")
    assert (said.code, "there is no metric targets/pass@4; there are: " in said.err) == (2, True)


def test_runs_of_another_budget_are_not_taken_for_these(simctl: Command, played: Path):
    said = simctl("compare", "grpo", "--seeds", "0", "--tokens", "500", "--dir", played)
    assert (said.code, "another recipe: run.max_tokens differ" in said.err) == (2, True), said.err


def test_a_directory_of_something_else_is_left_alone(simctl: Command, tmp_path: Path):
    (tmp_path / "grpo-0").mkdir()
    (tmp_path / "grpo-0" / "thesis.tex").write_text("x")
    said = simctl("compare", "grpo", "--seeds", "0", "--tokens", "400", "--dir", tmp_path)
    assert (said.code, "exists and is no run" in said.err) == (2, True)


@pytest.mark.parametrize("command", [["compare", "grpo", "--tokens", "9"], ["experiment", "x"]])
@pytest.mark.parametrize("module", ["scipy", "matplotlib"])
def test_a_missing_extra_is_named(
    simctl: Command, monkeypatch: pytest.MonkeyPatch, command: list[str], module: str
):
    monkeypatch.setitem(sys.modules, module, None)
    said = simctl(*command)
    assert (said.code, f"{module} not installed" in said.err) == (2, True)
    assert "pip install 'simctl[plot]'" in said.err


# --- experiments --------------------------------------------------------------------------------


def test_an_experiment_measures_by_sql_and_tells_its_verdict(
    simctl: Command, told_run: Path, tmp_path: Path
):
    (tmp_path / "mine.toml").write_text(EXPERIMENT)
    pretend(told_run, tmp_path / "runs", ("grpo", "star"), range(5))
    said = simctl("experiment", tmp_path / "mine.toml", "--dir", tmp_path / "runs")
    assert (said.code, said.err) == (0, "")
    assert "confirmed" in said.out.splitlines()
    assert "star grpo +0.000 [+0.000, +0.000], 5 seeds" in " ".join(said.out.split())
    assert (tmp_path / "runs" / "mine.png").is_file()


def test_experiments_are_listed_with_their_claims(simctl: Command, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "scipy", None)  # a list needs no extra
    assert "At equal tokens the five roles" in simctl("experiment", "--list").out


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        ([], "name one experiment"),
        (["societ"], "there is no experiment 'societ'; there are: society, "),
        (["nowhere.toml"], "experiment nowhere.toml cannot be read"),
    ],
)
def test_a_mistaken_experiment_is_told(simctl: Command, words: list[str], wrong: str):
    said = simctl("experiment", *words)
    assert (said.code, wrong in said.err) == (2, True)
