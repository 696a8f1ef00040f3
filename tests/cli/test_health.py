"""The page of a run's health: every sentence is what its SQL gives, on any log."""

import gzip
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from calls import Command
from ward import PLANTED, course, tale

from simctl.agents.health.archive import runs, shingles, similarity
from simctl.agents.health.history import history
from simctl.agents.health.levels import Levels
from simctl.agents.health.watch import Watch
from simctl.cli.recipe import Recipe, dump, load, recorded
from simctl.store.access import LOG, open_log
from simctl.store.duck import DuckLog
from simctl.store.server import Endpoint

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "logs"
COLLAPSE = ("all tasks are one", "nothing is solved")
EASY_PAY = ["episode.examiner_reward=solvability", "episode.guided=false"]


def write(run_dir: Path, ill: str = "", *, measured: bool = True, recipe: Recipe | None = None):
    """Write the run of a society that falls ill."""
    text = dump(recipe or load("society", []))
    ills = PLANTED[ill][0] if ill else {}
    run_dir.mkdir(parents=True)
    (run_dir / "run.toml").write_text(text, encoding="utf-8")
    with DuckLog(run_dir / LOG, run=run_dir.name) as log:
        levels = Levels() if measured else None
        log.submit(tale(course(ills, rounds=10), text, levels)).result()
    return run_dir


def told(simctl: Command, *arguments: str | Path) -> dict[str, Any]:
    said = simctl("health", *arguments, "--format", "json")
    assert said.code == 0, said.err
    answer: dict[str, Any] = json.loads(said.out)
    return answer


def sentences(answer: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for part in (*answer["findings"], answer):
        yield from ((each["text"], each["sql"]) for each in part["sentences"])


def forms(value: float | str) -> set[str]:
    if isinstance(value, str):
        return {value}
    return {f"{value:.0%}", f"{value:.1f}", f"{value:.3f}", str(value)}


@pytest.fixture(scope="module", params=[True, False], ids=["measured", "not measured"])
def collapsed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("ill") / "run"
    return write(place, "tasks need no thought", measured=request.param)


@pytest.mark.parametrize("ill", COLLAPSE)
def test_a_page_names_what_is_wrong_and_since_when(simctl: Command, tmp_path: Path, ill: str):
    answer = told(simctl, write(tmp_path / "run", ill))
    [finding] = answer["findings"]
    assert {finding["name"]} == PLANTED[ill][1]
    assert not answer["healthy"]
    assert answer["verdict"] == f"Not healthy: since round 6 {finding['headline']}."


def test_every_printed_command_gives_the_numbers_of_its_sentence(simctl: Command, collapsed: Path):
    page = simctl("health", collapsed).out
    lines = re.sub(r"\n {2,}", " ", page)  # as long as they were before they were wrapped
    said = {n: text for text, n in re.findall(r"([^\]]+)\. \[(\d+)\]", lines)}
    asked = dict(re.findall(r'^\[(\d+)\]  (simctl query \S+ "[^"]+")', page, re.MULTILINE))
    assert said.keys() == asked.keys()
    assert len(said) >= 7
    for number, command in asked.items():
        _, *arguments = shlex.split(command)
        [row] = json.loads(simctl(*arguments, "--format", "json").out)
        for value in row.values():
            assert any(each in said[number] for each in forms(value)), (said[number], row)


def test_the_sql_agrees_with_what_the_society_measured(simctl: Command, collapsed: Path):
    answer = told(simctl, collapsed)
    last = {name: course_["10"] for name, course_ in answer["metrics"].items() if "10" in course_}
    text = " ".join(text for text, _ in sentences(answer))
    for name, form in {
        "tasks/degenerate": "{:.0%} of a task's steps need no thought in round 10",
        "tasks/difficulty": "The mean difficulty of a task is {:.1f} in round 10",
        "tasks/length": "A task has {:.1f} characters in round 10",
        "solve_rate/mean": "{:.0%} of the attempts at a task of round 10 are right",
        "tasks/valid": "{:.0%} of the tasks of round 10 are valid",
    }.items():
        assert form.format(last[name]) in text


def test_a_run_that_was_not_measured_is_told_like_one_that_was(simctl: Command, tmp_path: Path):
    one, other = (
        told(simctl, write(tmp_path / name, "labels drift", measured=name == "one"))
        for name in ("one", "other")
    )
    assert {**one, "run": ""} == {**other, "run": ""}


def test_a_healthy_run_is_called_so(simctl: Command, tmp_path: Path):
    page = simctl("health", write(tmp_path / "run")).out
    assert "✓ Healthy after 10 rounds: no number is beyond its bound." in page
    assert "Probably because" not in page


def test_a_round_is_told_as_it_stood_then(simctl: Command, collapsed: Path):
    then = told(simctl, collapsed, "--round", "5")
    assert then["healthy"]
    assert then["round"] == 5
    assert "round 10" not in str(then)


def test_an_examiner_that_is_paid_for_easy_tasks_is_the_cause_that_is_named(
    simctl: Command, tmp_path: Path
):
    recipe = load("society", EASY_PAY)
    [finding] = told(simctl, write(tmp_path / "run", COLLAPSE[0], recipe=recipe))["findings"]
    assert 'episode.examiner_reward = "solvability"' in finding["cause"]
    assert finding["remedy"] == ("--set episode.examiner_reward=frontier --set episode.guided=true")


def test_an_examiner_that_is_punished_is_the_cause_that_is_named(simctl: Command, tmp_path: Path):
    recipe = load("society", ["episode.invalid_reward=-0.1"])
    [finding] = told(simctl, write(tmp_path / "run", "no task is valid", recipe=recipe))["findings"]
    assert "episode.invalid_reward < 0" in finding["cause"]
    assert finding["remedy"] == "--set episode.invalid_reward=0"


def test_a_live_run_is_asked_while_it_is_written(simctl: Command, collapsed: Path):
    with (
        DuckLog(collapsed / LOG, run=collapsed.name) as log,
        Endpoint(log, collapsed, log.submit),
    ):
        assert "tasks become trivial" in simctl("health", collapsed).out


@pytest.mark.parametrize("log", sorted(GOLDEN.glob("*/*.gz")), ids=lambda path: path.parent.name)
def test_a_log_of_an_older_simctl_is_folded_now(simctl: Command, tmp_path: Path, log: Path):
    run_dir = tmp_path / "old"
    run_dir.mkdir()
    (run_dir / LOG).write_bytes(gzip.decompress(log.read_bytes()))
    answer = told(simctl, run_dir)
    assert answer["healthy"]
    assert answer["metrics"]["reward/solver/mean"] == {"1": 0.5, "2": 0.5, "3": 0.5}
    _, sql = next(sentences(answer))
    assert simctl("query", run_dir, sql).code == 0


def test_a_run_without_a_whole_round_is_told_so(simctl: Command, tmp_path: Path):
    recipe = load("society", [])
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    with DuckLog(run_dir / LOG, run="run") as log:
        log.submit(tale([], dump(recipe))).result()
    said = simctl("health", run_dir)
    assert (said.code, "no round has ended yet" in said.err) == (2, True)


def test_a_run_from_before_there_was_health_measures_none_and_a_new_one_does():
    text = dump(Recipe())
    before = text[: text.index("[health]")] + text[text.index("[sampler]") :]
    assert recorded("old", text).watch() is not None
    assert recorded("old", before).watch() is None
    assert recorded("old", before, ["health.measured=true"]).watch() is not None


def test_the_views_and_macros_agree_with_the_fold(collapsed: Path):
    with open_log(collapsed) as log:
        found = {e.round: e.metrics for e in history(log.read(), Watch(Levels()))}
        for row in log.query("FROM groups_of('solver')").to_pylist():
            metrics = found[row["round"]]
            assert row["groups"] == metrics["groups/solver"]
            assert row["informative"] == 1 - metrics["frac_reward_zero_std/solver"]
        rows = log.query("SELECT problem, shingles(problem) AS said FROM tasks").to_pylist()
        assert all(set(row["said"]) == runs(row["problem"]) for row in rows)
        again = log.query("SELECT * FROM repeats(9)").to_pylist()
        near = [row for row in again if row["similarity"] >= Levels().near]
        assert len(near) / len(again) == found[9]["duplicates/archive"]
        for row in again:
            alike = similarity(shingles(row["problem"]), shingles(row["like_problem"]))
            assert row["similarity"] == pytest.approx(alike)


def test_alarms_are_a_view_with_their_beginning_and_end(tmp_path: Path):
    run_dir = write(tmp_path / "run", "no task is valid")
    with open_log(run_dir) as log:
        rows = log.query("SELECT name, since, raised, over_in, bound FROM alarms").to_pylist()
        assert rows == [{"name": "valid", "since": 6, "raised": 7, "over_in": None, "bound": 0.8}]
        [health] = log.query("FROM health_of('tasks/valid') WHERE round = 9").to_pylist()
        assert health == {"round": 9, "metric": "tasks/valid", "value": 0.0}
