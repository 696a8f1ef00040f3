"""A fork has its parent's events up to a place, and nothing of the parent after it."""

import hashlib
import json
import shutil
from pathlib import Path
from random import Random

import duckdb
import pytest
import told
from calls import Command
from company import again

from simctl.agents.policy.embedded import PATH
from simctl.bus.event import Event
from simctl.bus.messages import RunForked
from simctl.cli.cut import cut
from simctl.cli.recipe import load
from simctl.store.access import open_log
from simctl.store.duck import DuckLog
from simctl.store.policies import PolicyState, PolicyStore
from simctl.store.server import Endpoint


def ready(place: Path) -> None:
    """Write a policy that a trainer could go on from, as far as anybody looks here."""
    shutil.copytree(PATH, place, dirs_exist_ok=True)
    for name in ("optimizer.pt", "optimizer_update.json"):
        (place / name).write_text("{}")


@pytest.fixture(scope="session")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of three rounds with its policies."""
    place = told.write(
        tmp_path_factory.mktemp("forks") / "runs" / "parent", load("society", ["run.rounds=3"])
    )
    policies = PolicyStore(place / "policies")
    policies.adopt(PATH)
    for version in range(1, 4):
        policies.commit(version, ready, PolicyState(version=version, parent=version - 1))
    return place


def events(run_dir: Path) -> list[Event]:
    with open_log(run_dir) as log:
        return list(log.read())


def files(run_dir: Path) -> dict[str, str]:
    found = (path for path in run_dir.rglob("*") if path.is_file())
    return {str(each): hashlib.sha256(each.read_bytes()).hexdigest() for each in found}


def test_a_damaged_log_is_not_forked(simctl: Command, parent: Path, tmp_path: Path):
    damaged = shutil.copytree(parent, tmp_path / "damaged")
    with duckdb.connect(damaged / "log.duckdb") as connection:
        connection.execute("UPDATE events SET recipient = 'nobody' WHERE seq = 20")
    run_dir = tmp_path / "fork"
    for at in (20, len(events(parent))):
        said = simctl("fork", damaged, "--at", at, "--only-create", "--run-dir", run_dir)
        assert (said.code, run_dir.exists()) == (1, False)
        assert "event 20 is not what its hash says" in said.err
        assert "simctl store repair" in said.err


def test_a_fork_never_contains_an_event_of_the_branch_it_left(
    simctl: Command, parent: Path, tmp_path: Path
):
    whole, before = events(parent), files(parent)
    for at in Random(4).sample(range(1, len(whole) + 1), 3):  # noqa: S311 - a test's own dice
        run_dir = tmp_path / f"fork-{at}"
        said = simctl("fork", parent, "--at", at, "--only-create", "--run-dir", run_dir)
        assert said.code == 0, said.err
        with DuckLog(run_dir / "log.duckdb", run="?") as log:  # it goes on with the same messages
            log.submit([again(event) for event in whole[at : at + 9]]).result()
        forked = events(run_dir)
        assert forked[:at] == whole[:at]
        assert {event.branch for event in forked[at:]} == {f"fork-{at}"}
        left = whole[at:]
        assert not {event.id for event in forked} & {event.id for event in left}
        assert not {event.hash for event in forked} & {event.hash for event in left}
        assert forked[at].message == RunForked(
            parent="parent", at=at, branch=f"fork-{at}", recipe=forked[0].message.recipe
        )
    assert files(parent) == before


def place(whole: list[Event], kind: str, number: int) -> int:
    return next(event.seq for event in whole if event.kind == kind and event.round == number)


def test_with_another_recipe_a_round_is_begun_anew(simctl: Command, parent: Path, tmp_path: Path):
    amid = place(events(parent), "round_started", 2) + 5
    sets = ("--set", "trainer.learning_rate=1e-3", "--only-create", "--run-dir", tmp_path / "fork")
    said = simctl("fork", parent, "--at", amid, *sets)
    assert f"round 2, which event {amid} is amid, is begun anew" in said.out, said.err
    forked = events(tmp_path / "fork")
    assert len(forked) == amid - 5
    assert "learning_rate = 0.001" in (tmp_path / "fork" / "run.toml").read_text()
    assert forked[-1].message.recipe == (tmp_path / "fork" / "run.toml").read_text()


@pytest.mark.parametrize(("number", "last"), [(0, 3), (2, None), (3, None)])
def test_a_fork_can_begin_at_the_end_of_a_round(
    simctl: Command, parent: Path, tmp_path: Path, number: int, last: int | None
):
    whole = events(parent)
    after = number + 1
    begun = place(whole, "round_started", after) - 1 if number < 3 else len(whole)
    more = ("--run-dir", tmp_path / "fork", "--only-create", "--rounds", "5")
    assert simctl("fork", parent, "--round", number, *more).code == 0
    assert len(events(tmp_path / "fork")) == (2 if last else begun + 1)


def test_a_fork_has_the_policies_in_force_there_and_no_later_ones(
    simctl: Command, parent: Path, tmp_path: Path
):
    amid = place(events(parent), "round_ended", 3)
    simctl("fork", parent, "--at", amid, "--only-create", "--run-dir", tmp_path / "fork")
    policies = PolicyStore(tmp_path / "fork" / "policies")
    assert policies.versions() == [0, 2]
    assert policies.state(2) == PolicyStore(parent / "policies").state(2)
    assert (policies.path(2) / "optimizer.pt").exists()


def test_a_round_that_is_played_ahead_is_over_when_it_ended(parent: Path):
    whole = events(parent)
    first, second = (place(whole, "round_ended", number) for number in (1, 2))
    synced = place(whole, "policy_synced", 2)
    with open_log(parent) as log:
        found = {
            ahead: [cut(log, seq, ahead).over for seq in (first - 1, first, second, synced)]
            for ahead in (None, 0, 1, 2)
        }
    assert found == {
        None: [False, True, True, True],
        0: [False, False, False, True],
        1: [False, True, False, True],
        2: [False, True, True, True],
    }


def test_a_fork_can_be_forked(simctl: Command, parent: Path, tmp_path: Path):
    for run, at, name in ((parent, 60, "one"), (tmp_path / "one", 50, "two")):
        said = simctl("fork", run, "--at", at, "--only-create", "--run-dir", tmp_path / name)
        assert said.code == 0, said.err
    assert [event.branch for event in events(tmp_path / "two")] == ["main"] * 50 + ["two"]
    rows = simctl("runs", "--runs-dir", tmp_path).out.splitlines()
    assert [row.split()[-3:] for row in rows[1:]] == [["one", "@", "50"], ["parent", "@", "60"]]
    taken = simctl("fork", tmp_path / "one", "--at", 61, "--run-dir", tmp_path / "x" / "one")
    assert (taken.code, "has a branch one already" in taken.err) == (2, True), taken.err


def test_a_live_run_is_forked_through_its_owner(simctl: Command, parent: Path, tmp_path: Path):
    shutil.copytree(parent, run_dir := tmp_path / "live")
    with (
        DuckLog(run_dir / "log.duckdb", run="live") as log,
        Endpoint(log, run_dir, log.submit),
    ):
        made = simctl("fork", run_dir, "--at", 70, "--only-create", "--run-dir", tmp_path / "fork")
        assert made.code == 0, made.err
        assert log.last_seq == len(events(parent))
    assert events(tmp_path / "fork")[:70] == events(parent)[:70]


def ask(simctl: Command, run_dir: Path, sql: str) -> list[dict[str, object]]:
    said = simctl("query", run_dir, sql, "-f", "json")
    assert said.code == 0, said.err
    found: list[dict[str, object]] = json.loads(said.out)
    return found


def test_a_query_can_ask_what_a_branch_wrote(simctl: Command, parent: Path, tmp_path: Path):
    simctl("fork", parent, "--at", 60, "--only-create", "--run-dir", tmp_path / "fork")
    counted = "select count(*) n, min(seq) first, min(kind) kind from branch_events('{}')"
    for branch, row in (
        ("main", {"n": 60, "first": 1, "kind": "answer_graded"}),
        ("fork", {"n": 1, "first": 61, "kind": "run_forked"}),
        ("other", {"n": 0, "first": None, "kind": None}),
    ):
        assert ask(simctl, tmp_path / "fork", counted.format(branch)) == [row]


def test_a_query_can_ask_what_stood_at_an_event(simctl: Command, parent: Path, tmp_path: Path):
    simctl("fork", parent, "--at", 80, "--only-create", "--run-dir", tmp_path / "fork")
    whole = events(tmp_path / "fork")
    for branch, until, last in (("main", 50, 50), ("main", 999, 80), ("fork", 999, 81)):
        [row] = ask(simctl, tmp_path / "fork", f"from state_at('{branch}', {until})")
        told_there = [event.message for event in whole[:last]]
        grades = [each.reward for each in told_there if each.kind == "answer_graded"]
        assert row["seq"] == row["events"] == last
        assert row["version"] == sum(each.kind == "policy_updated" for each in told_there)
        assert row["rounds_ended"] == sum(each.kind == "round_ended" for each in told_there)
        assert row["mean_reward"] == pytest.approx(sum(grades) / len(grades))
        assert row["sampled_tokens"] == sum(
            len(e.utterance.tokens) for e in whole[:last] if e.utterance
        )


MISTAKES = [
    (["--at", "0"], "has the events 1 to 109: --at 0 is none of them"),
    (["--at", "110"], "has the events 1 to 109: --at 110 is none of them"),
    (["--at", "x"], "Invalid value for '--at'"),
    ([], "either --at SEQ or --round N"),
    (["--at", "5", "--round", "1"], "either --at SEQ or --round N"),
    (["--round", "4"], "round 4 has not ended: the last that has is round 3"),
    (["--at", "40", "--set", "seeed=1"], "seeed is no key"),
    (["--at", "40", "--set", "policy.path=x"], "policy.path is 'embedded' and stays so"),
    (["--round", "1", "--set", "trainer.lora.r=4"], "trainer.lora stays as it was"),
    (["--at", "40", "--set", "suite.0.problems=900"], "cannot be held out any more, only 300"),
    (["--at", "40", "--run-dir", "runs/told-001"], "exists, and a run overwrites nothing"),
]


@pytest.mark.parametrize(("arguments", "words"), MISTAKES)
def test_a_mistake_is_told_and_leaves_nothing(
    simctl: Command, parent: Path, tmp_path: Path, arguments: list[str], words: str
):
    said = simctl("fork", parent, *arguments, "--runs-dir", tmp_path / "runs", "--only-create")
    assert (said.code, words in said.err) == (2, True), said.err
    assert not (tmp_path / "runs").exists()


def test_a_run_without_events_cannot_be_forked(simctl: Command, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    DuckLog(tmp_path / "empty" / "log.duckdb", run="empty").close()
    said = simctl("fork", tmp_path / "empty", "--at", "1")
    assert (said.code, "no event yet" in said.err) == (2, True), said.err
