import csv
import io
import json
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from calls import Command
from loaded import loaded_after

import simctl as package
from simctl.cli.recipe import load, names

COMMANDS = (
    "run",
    "watch",
    "plot",
    "query",
    "replay",
    "verify",
    "diff",
    "runs",
    "compare",
    "experiment",
    "eval",
    "train",
    "recipes",
    "doctor",
    "store",
    "export",
    "bundle",
    "open",
    "broker",
)


def test_help_is_quick_because_it_loads_nothing_heavy():
    call = "import simctl.cli.main as m\ntry: m.main(['--help'])\nexcept SystemExit: pass"
    assert loaded_after(call) == []


def test_a_recipe_is_checked_before_anything_heavy_is_loaded():
    heavy = loaded_after("from simctl.cli.recipe import load; load('society')")
    assert {"torch", "transformers"}.isdisjoint(heavy)


def test_the_version_is_printed(simctl: Command):
    assert simctl("--version").out == f"simctl {package.__version__}\n"


def test_help_names_every_command(simctl: Command):
    said = simctl("--help")
    assert said.code == 0
    assert [name for name in COMMANDS if name not in said.out] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_fits_on_a_screen(simctl: Command, name: str):
    said = simctl(name, "--help")
    assert said.code == 0
    assert len(said.out.splitlines()) <= 30


def test_help_names_an_extra_as_it_is_installed(simctl: Command):
    assert "simctl[plot]" in simctl("plot", "--help").out


def test_recipes_are_listed_with_what_happens_in_them(simctl: Command):
    said = simctl("recipes")
    assert [name for name in names() if load(name).description not in said.out] == []


def test_a_shown_recipe_can_be_played(simctl: Command, tmp_path: Path):
    (tmp_path / "mine.toml").write_text(simctl("recipes", "show", "opsd", "--set", "seed=4").out)
    assert load(str(tmp_path / "mine.toml")) == load("opsd", ["seed=4"])


def test_runs_are_listed_with_state_and_accuracy(simctl: Command):
    [_, row] = simctl("runs").out.splitlines()
    assert row.split() == ["told-001", "society", "finished", "0", "3/3", "474", ".90", ".45"]


def test_a_directory_without_runs_says_how_to_begin_one(simctl: Command, tmp_path: Path):
    assert "simctl run" in simctl("runs", "--runs-dir", tmp_path).out


# --- query --------------------------------------------------------------------------------------

SQL = "select role, count(*) n, avg(reward) reward from grades group by role order by role"
ROWS = [
    {"role": "critic", "n": 6, "reward": 1.0},
    {"role": "examiner", "n": 6, "reward": 1.0},
    {"role": "solver", "n": 12, "reward": 0.5},
]


def test_a_query_asks_the_newest_run_when_none_is_named(simctl: Command):
    assert json.loads(simctl("query", SQL, "--format", "json").out) == ROWS


@pytest.mark.parametrize("run", ["told-001", "runs/told-001"])
def test_a_query_asks_a_run_by_name_or_path(simctl: Command, run: str):
    assert json.loads(simctl("query", run, SQL, "-f", "json").out) == ROWS


def test_a_query_prints_a_table(simctl: Command):
    [heads, *rows] = simctl("query", SQL).out.splitlines()
    assert [heads.split(), rows[2].split()] == [["role", "n", "reward"], ["solver", "12", "0.5"]]


def test_a_table_that_is_redirected_is_cut_nowhere(simctl: Command):
    assert "x" * 900 in simctl("query", "select repeat('x', 900)").out


def test_a_query_writes_csv_with_nested_values_as_json(simctl: Command):
    said = simctl("query", "select gates, parts from tasks, grades limit 1", "-f", "csv")
    [row] = csv.DictReader(io.StringIO(said.out))
    assert json.loads(row["gates"]) == {"parses": True}


def test_a_query_writes_parquet_to_a_file(simctl: Command, tmp_path: Path):
    simctl("query", SQL, "-f", "parquet", "-o", tmp_path / "t.parquet")
    assert pq.read_table(tmp_path / "t.parquet").to_pylist() == ROWS


@pytest.mark.parametrize("format_", ["table", "json", "csv"])
def test_a_query_writes_the_same_to_a_file_as_to_the_screen(
    simctl: Command, tmp_path: Path, format_: str
):
    simctl("query", SQL, "-f", format_, "-o", tmp_path / "answer")
    assert (tmp_path / "answer").read_text() == simctl("query", SQL, "-f", format_).out


def test_a_query_without_sql_lists_what_can_be_asked(simctl: Command):
    said = simctl("query", "told-001")
    assert "learning_curve" in said.out
    assert "attempt_made" not in said.out


# --- mistakes -----------------------------------------------------------------------------------

MISTAKES = [
    (["run", "socety"], "there is no recipe 'socety'; there are: society, "),
    (["run", "--set", "run.round=3"], "run.round is no key; allowed here: rounds, "),
    (["run", "--rounds", "-3"], "run.rounds is -3; it must be at least 0"),
    (["run", "--policy", "nowhere"], "policy nowhere is no directory"),
    (["run", "--policy", "."], "holds no policy: config.json, tokenizer.json, model.safetensors"),
    (["run", "--run-dir", "runs/told-001"], "runs/told-001 exists, and a run overwrites nothing"),
    (
        ["run", "--resume", "told-002"],
        "run told-002 does not exist; the runs in runs are: told-001",
    ),
    (["run", "--resume", "told-001"], "run runs/told-001 is finished"),
    (["run", "grpo", "--resume", "told-001", "--seed", "1"], "it allows no RECIPE, --seed"),
    (["query", "select foo from tasks"], '"foo" not found'),
    (["query", "select 1; select 2"], "one statement at a time"),
    (["query", "delete from events"], "only SELECT"),
    (["query", "selec"], "'selec' is neither a run nor SQL"),
    (["query", "told-7", "select 1"], "run told-7 does not exist; the runs in runs are: told-001"),
    (["query", ".", "select 1"], "run . is no run"),
    (["query", "select 1", "--runs-dir", "nowhere"], "there is no run in nowhere yet"),
    (["replay", "told-001", "--episode", "e9.000"], "there is no episode e9.000"),
    (["train", "--from", "told-001", "--set", "objective=[]"], "there is nothing to learn"),
    (["train", "--from", "told-001", "--out", "runs"], "runs exists, and nothing is overwritten"),
    (["recipes", "show", "grop"], "there are: grpo, "),
]


@pytest.mark.parametrize(("arguments", "told"), MISTAKES)
def test_a_mistake_is_told_in_words_and_ends_with_2(
    simctl: Command, arguments: list[str], told: str
):
    said = simctl(*arguments)
    assert (said.code, said.err[:7], told in said.err) == (2, "error: ", True), said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize("begun", [["run"], ["train", "--from", "told-001"]])
def test_adapters_without_their_extra_are_refused_before_anything_begins(
    simctl: Command, monkeypatch: pytest.MonkeyPatch, begun: list[str]
):
    monkeypatch.setitem(sys.modules, "peft", None)
    said = simctl(*begun, "--set", "trainer.lora.r=4")
    assert (said.code, "pip install 'simctl[peft]'" in said.err) == (2, True), said.err


def test_an_sql_mistake_is_told_with_its_place(simctl: Command):
    lines = simctl("query", "select foo from tasks").err.splitlines()
    place = next(at for at, line in enumerate(lines) if line.startswith("LINE 1:"))
    assert lines[place + 1].index("^") == lines[place].index("foo")


@pytest.mark.parametrize("arguments", [["runn"], ["run", "--seed", "x"], ["query", "a", "b", "c"]])
def test_misuse_of_the_command_line_ends_with_2(simctl: Command, arguments: list[str]):
    assert simctl(*arguments).code == 2


def test_a_mistake_leaves_no_run_behind(simctl: Command, tmp_path: Path):
    simctl("run", "--set", "run.round=3", "--runs-dir", tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_a_missing_run_is_told_where_there_is_no_run_at_all(simctl: Command, tmp_path: Path):
    said = simctl("query", "nosuch", "select 1", "--runs-dir", str(tmp_path))
    assert said.code == 2
    assert "nosuch does not exist" in said.err


def test_a_file_that_is_no_log_is_told(simctl: Command, tmp_path: Path):
    run_dir = tmp_path / "foreign"
    run_dir.mkdir()
    (run_dir / "log.duckdb").write_text("something else")
    said = simctl("query", run_dir, "select 1")
    assert (said.code, said.err[:7]) == (2, "error: ")


@pytest.mark.slow
def test_the_embedded_policy_can_be_measured(simctl: Command):
    said = simctl("eval", "embedded", "--suite", "targets", "--attempts", "2")
    assert (said.code, "pass@2" in said.out) == (0, True), said.err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["eval", "embedded", "--suite", "target"], "there is no suite target; there are: targets"),
        (["eval", "embedded", "--version", "3"], "embedded is a single policy"),
        (["eval", "nowhere"], "run nowhere does not exist"),
        (["eval", "."], "holds no policy"),
        (["eval", "told-001"], "no policy version"),
    ],
)
def test_what_cannot_be_measured_is_told(simctl: Command, arguments: list[str], told: str):
    said = simctl(*arguments)
    assert (said.code, told in said.err) == (2, True), said.err


@pytest.mark.slow
def test_the_doctor_finds_this_machine_well(simctl: Command):
    said = simctl("doctor")
    assert (said.code, "sha256" in said.out) == (0, True), said.out
