"""What a run does when what it needs is damaged, missing, or asked for twice at once."""

import asyncio
import json
import os
import resource
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import told
from calls import Command
from invariants import assert_whole

from simctl.agents.policy.embedded import PATH
from simctl.agents.society import Society
from simctl.bus.event import Event
from simctl.cli.errors import RunError
from simctl.cli.recipe import Recipe, load
from simctl.cli.runs import TakenError, claim
from simctl.cli.session import Outcome, create, play
from simctl.store.access import open_log
from simctl.store.policies import PolicyCorruptError, PolicyStore

SMALL = [
    "run.rounds=1",
    "run.episodes=1",
    "episode.num_generations=2",
    "suite=[]",
    "objective=[]",
]
SETS = [word for each in SMALL for word in ("--set", each)]
FILES = ("config.json", "generation_config.json", "model.safetensors", "tokenizer.json")
NAMES = (*FILES, "tokenizer_config.json")


class Watcher:
    """Watches a session, and does something at the first event of a kind; at "" as it starts."""

    def __init__(self, kind: str = "never", act: Callable[[], None] = lambda: None) -> None:
        self._kind, self._act = kind, act

    def recall(self, event: Event) -> None:
        pass

    def started(self, run_dir: Path, recipe: Recipe) -> None:
        del run_dir, recipe
        if not self._kind:
            self._act()

    def warn(self, trouble: str) -> None:
        pass

    def hear(self, event: Event) -> None:
        if event.kind == self._kind:
            self._act()

    def ended(self, outcome: Outcome) -> None:
        pass


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """A copy of the embedded policy, to be damaged."""
    place = tmp_path / "policy"
    place.mkdir()
    for name in NAMES:
        shutil.copyfile(PATH / name, place / name)
    return place


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    """A run that was made and not yet played."""
    place = tmp_path / "runs" / "run"
    create(load("society", SMALL), place, PATH)
    return place


def ends(run_dir: Path) -> list[str]:
    with open_log(run_dir) as log:
        return [event.message.reason for event in log.read() if event.kind == "run_ended"]


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


def interrupt_soon() -> None:
    """Interrupt as soon as signals are heard, and before anything is committed."""
    loop = asyncio.get_running_loop()
    loop.call_soon(loop.call_soon, interrupt)


# --- policies -----------------------------------------------------------------------------------


def with_garbage(policy: Path) -> None:
    (policy / "model.safetensors").write_bytes(os.urandom(5000))


def without_an_end_token(policy: Path) -> None:
    file = policy / "tokenizer_config.json"
    said = json.loads(file.read_text())
    del said["eos_token"]
    file.write_text(json.dumps(said))


def with_a_garbled_tokenizer(policy: Path) -> None:
    (policy / "tokenizer.json").write_text("{}")


DAMAGES = [with_garbage, without_an_end_token, with_a_garbled_tokenizer]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("command", [["run", *SETS, "--policy"], ["eval"]])
def test_a_policy_that_cannot_be_served_is_told_and_leaves_no_run(
    simctl: Command,
    policy: Path,
    tmp_path: Path,
    damage: Callable[[Path], None],
    command: list[str],
):
    damage(policy)
    said = simctl(*command, policy, "--runs-dir", tmp_path / "runs")
    assert (said.code, f"error: policy {policy}" in said.err) == (2, True), said.err
    assert not (tmp_path / "runs").exists()


def test_a_policy_without_a_pad_token_can_be_played(policy: Path, tmp_path: Path):
    file = policy / "tokenizer_config.json"
    said = json.loads(file.read_text())
    said.pop("pad_token", None)
    file.write_text(json.dumps(said))
    create(load("society", SMALL), tmp_path / "run", policy)
    assert play(tmp_path / "run", Watcher()) == Outcome("finished")


def test_a_run_goes_on_with_no_policy_that_was_changed(run_dir: Path):
    weights = PolicyStore(run_dir / "policies").path(0) / "model.safetensors"
    damaged = bytearray(weights.read_bytes())
    damaged[-100] ^= 0xFF
    weights.write_bytes(bytes(damaged))
    with pytest.raises(PolicyCorruptError, match="put back the file"):
        play(run_dir, Watcher())
    assert ends(run_dir) == []


# --- directories --------------------------------------------------------------------------------


def test_a_run_that_was_killed_before_its_first_event_can_go_on(simctl: Command, run_dir: Path):
    assert simctl("run", "--resume", run_dir, "--quiet").code == 0
    assert ends(run_dir) == ["finished"]


def test_a_run_that_cannot_be_made_leaves_nothing(tmp_path: Path, policy: Path):
    taken = tmp_path / "runs" / "run"
    (taken / "something").mkdir(parents=True)
    with pytest.raises(TakenError, match="overwrites nothing"):
        create(load("society", SMALL), taken, policy)
    assert [each.name for each in taken.parent.iterdir()] == ["run"]


def test_a_number_that_another_process_takes_meanwhile_is_left_to_it(tmp_path: Path):
    recipe = load("society", SMALL)

    def overtaken(free: Path) -> None:
        if free.name == "society-001":
            create(recipe, free, PATH)
        create(recipe, free, PATH)

    assert claim(None, tmp_path, "society", overtaken).name == "society-002"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["society-001", "society-002"]


# --- recipes ------------------------------------------------------------------------------------


def test_a_recipe_that_was_changed_is_refused_with_the_line(tmp_path: Path):
    place = told.write(tmp_path / "run", load("society", SMALL), ended=False)
    file = place / "run.toml"
    file.write_text(file.read_text().replace("seed = 0", "seed = 1"))
    with pytest.raises(RunError, match=r"line \d+ is 'seed = 1', and was 'seed = 0'.*the log has"):
        play(place, Watcher())


def test_a_recipe_that_is_missing_is_taken_from_the_log(run_dir: Path):
    assert play(run_dir, Watcher("round_started", interrupt)).reason == "interrupted"
    before = (run_dir / "run.toml").read_text()
    (run_dir / "run.toml").unlink()
    assert play(run_dir, Watcher()).reason == "finished"
    assert (run_dir / "run.toml").read_text() == before


# --- ends ---------------------------------------------------------------------------------------


def test_every_process_that_began_says_how_it_ended(run_dir: Path):
    """Interrupted before it began, then in its round, then before it resumed, then not."""
    for kind in ("", "round_started", "", "run_resumed"):
        act = interrupt if kind else interrupt_soon
        assert play(run_dir, Watcher(kind, act)) == Outcome("interrupted")
    assert play(run_dir, Watcher()).reason == "finished"
    assert ends(run_dir) == ["interrupted", "interrupted", "finished"]


def test_what_nobody_foresaw_ends_a_run_in_one_line(run_dir: Path, monkeypatch: pytest.MonkeyPatch):
    async def fail(*_: Any) -> None:
        await asyncio.sleep(0)
        raise ZeroDivisionError("a half for two")

    with monkeypatch.context() as patched:
        patched.setattr(Society, "_play", fail)
        outcome = play(run_dir, Watcher())
    assert outcome.reason == "failed"
    assert outcome.detail.startswith("ZeroDivisionError: a half for two; the traceback is in ")
    assert "Traceback" in (run_dir / "crash.log").read_text()
    assert ends(run_dir) == ["failed"]
    assert play(run_dir, Watcher()).reason == "finished"


def test_a_trainer_log_that_cannot_be_opened_fails_the_run(tmp_path: Path):
    create(load("society", [*SMALL[:-1]]), tmp_path / "run", PATH)
    (tmp_path / "run" / "trainer.log").mkdir()
    outcome = play(tmp_path / "run", Watcher())
    assert (outcome.reason, "trainer.log" in outcome.detail) == ("failed", True)


@pytest.mark.slow
def test_a_version_that_is_damaged_before_it_serves_is_refused_and_the_one_before_serves_on(
    tmp_path: Path,
):
    run_dir = tmp_path / "run"
    sets = ["run.rounds=2", "run.episodes=2", "episode.num_generations=2", "suite=[]"]
    create(load("society", sets), run_dir, PATH)
    weights = run_dir / "policies" / "v000001" / "model.safetensors"

    def damage() -> None:
        weights.write_bytes(bytes(1000) + weights.read_bytes()[1000:])

    assert play(run_dir, Watcher("policy_updated", damage)) == Outcome("finished")
    with open_log(run_dir) as log:
        events = list(log.read())
    synced = [event.message for event in events if event.kind == "policy_synced"]
    assert [(each.version, each.ok) for each in synced] == [(1, False), (2, True)]
    assert "sha256" in synced[0].reason
    spoken = [event for event in events if event.utterance and event.round == 2]
    assert {event.policy_version for event in spoken} == {0}


# --- a full disk --------------------------------------------------------------------------------


class FullDisk(Watcher):
    """Lets no file grow from the first round on, and acts when it hears that the run waits."""

    def __init__(self, act: Callable[[], None]) -> None:
        super().__init__("round_started", lambda: limit_files(1))
        self._relieve = act
        self.told: list[str] = []

    def warn(self, trouble: str) -> None:
        self.told.append(trouble)
        self._relieve()


def limit_files(size: int | None = None) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard if size is None else size, hard))


def test_a_run_waits_for_room_on_a_full_disk_and_goes_on(run_dir: Path):
    watcher = FullDisk(limit_files)
    try:
        assert play(run_dir, watcher) == Outcome("finished")
    finally:
        limit_files()
    assert watcher.told == ["the disk is full: waiting up to 600 s for room"]
    assert ends(run_dir) == ["finished"]
    with open_log(run_dir) as log:
        assert_whole(log)


def test_a_run_that_waits_for_room_can_be_interrupted(run_dir: Path):
    watcher = FullDisk(interrupt_main)
    try:
        outcome = play(run_dir, watcher)
    finally:
        limit_files()
    assert outcome.reason == "failed"
    assert "simctl run --resume" in outcome.detail
    assert play(run_dir, Watcher()) == Outcome("finished")


def interrupt_main() -> None:
    os.kill(os.getpid(), signal.SIGINT)
