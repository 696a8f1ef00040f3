"""A log read again gives the same state anywhere, up to any of its events."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import told
from calls import Command
from hypothesis import given
from hypothesis import strategies as st

from simctl.agents.curricula import Uniform
from simctl.bus.event import Event
from simctl.cli.recipe import Recipe
from simctl.cli.state import Fold, State, fold
from simctl.store import copies
from simctl.store.chain import pages
from simctl.store.client import RemoteLog
from simctl.store.duck import DuckLog
from simctl.store.finished import FinishedLog
from simctl.store.memory_log import ListLog
from simctl.store.server import Endpoint

# what `told.fixed` folds to, on every machine and for ever
GOLDEN = "a6a5e79c4b500698ac9034d107f7f9a122e61d12b704248407adc37f3f7d6ec9"
AT = 60


def state_of(events: Iterable[Event]) -> State:
    return fold(events, Recipe())


@pytest.fixture(scope="module")
def events() -> list[Event]:
    return ListLog("told").place(told.fixed())


# --- the same state anywhere --------------------------------------------------------------------


_FOLD = """
import told
from simctl.cli.recipe import Recipe
from simctl.cli.state import fold
from simctl.store.memory_log import ListLog
print(fold(ListLog("another name").place(told.fixed()), Recipe()).hash)
"""


@pytest.mark.parametrize("seed", ["1", "random"])
def test_the_state_is_the_same_in_every_process(seed: str):
    tests = str(Path(told.__file__).parent)
    environment = {
        **os.environ,
        "PYTHONHASHSEED": seed,
        "PYTHONPATH": os.pathsep.join([tests, *sys.path]),
    }
    done = subprocess.run(
        [sys.executable, "-c", _FOLD], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == GOLDEN


@contextmanager
def in_a_list(run_dir: Path) -> Iterator[Iterable[Event]]:
    del run_dir
    log = ListLog("listed")
    log.place(told.fixed())
    yield log.read()


@contextmanager
def in_a_file(run_dir: Path) -> Iterator[Iterable[Event]]:
    with DuckLog(run_dir / "log.duckdb", run="filed") as log:
        log.submit(told.fixed()).result()
        yield log.read()


@contextmanager
def with_its_owner(run_dir: Path) -> Iterator[Iterable[Event]]:
    with DuckLog(run_dir / "log.duckdb", run="owned") as log, Endpoint(log, run_dir, log.submit):
        log.submit(told.fixed()).result()
        with RemoteLog.of(run_dir) as remote:
            yield remote.read()


@contextmanager
def after_its_end(run_dir: Path) -> Iterator[Iterable[Event]]:
    with DuckLog(run_dir / "log.duckdb", run="ended") as log:
        log.submit(told.fixed()).result()
    with FinishedLog(run_dir / "log.duckdb") as log:
        yield log.read()


@contextmanager
def in_a_fork(run_dir: Path) -> Iterator[Iterable[Event]]:
    with DuckLog(run_dir / "parent.duckdb", run="parent") as log:
        log.submit(told.fixed()).result()
        copies.write(run_dir / "log.duckdb", "fork", "fork", pages(log))
    with FinishedLog(run_dir / "log.duckdb") as log:
        yield log.read()


@pytest.mark.parametrize("kept", [in_a_list, in_a_file, with_its_owner, after_its_end, in_a_fork])
def test_the_state_is_the_same_wherever_the_log_is_kept(
    kept: Callable[..., object], tmp_path: Path
):
    with kept(tmp_path) as read:  # type: ignore[attr-defined]
        assert state_of(read).hash == GOLDEN


@given(data=st.data())
def test_a_state_asked_for_on_the_way_changes_nothing_after_it(
    events: list[Event], data: st.DataObject
):
    cuts = data.draw(st.sets(st.integers(0, len(events))))
    folded = Fold(Recipe())
    for at, event in enumerate(events):
        if at in cuts:
            assert folded.state() == state_of(events[:at])
        folded.hear(event)
    assert folded.state() == state_of(events)


def test_what_a_later_simctl_said_is_counted_and_disturbs_nothing(events: list[Event]):
    strange = replace(events[AT], kind="dream_told", schema=9, payload='{"of": [1, "sheep"]}')
    for recipe in (Recipe(), Recipe(curriculum=Uniform())):
        plain = fold([*events[:AT], *events[AT + 1 :]], recipe)
        found = fold([*events[:AT], strange, *events[AT + 1 :]], recipe)
        assert found.kinds["dream_told"] == 1
        assert (found.round, found.tokens, found.curriculum, found.incarnation) == (
            plain.round,
            plain.tokens,
            plain.curriculum,
            plain.incarnation,
        )


# --- the command --------------------------------------------------------------------------------


def state(said: str) -> str:
    return next(line.split()[1] for line in said.splitlines() if line.startswith("state"))


def test_a_replay_shows_every_round(simctl: Command):
    lines = simctl("replay", "told-001").out.splitlines()
    assert [line.split()[:3] for line in lines[2:5]] == [
        ["1", "2", "0"],
        ["2", "2", "0"],
        ["3", "2", "0"],
    ]


def test_a_replay_of_an_episode_shows_who_said_what_and_what_it_was_worth(simctl: Command):
    said = simctl("replay", "told-001", "--episode", "e2.001").out
    for words in ("7k+5l*3m-4", "k+5=2l*3=7m-4=3", "l*3=6=7!", "attempt 2", "completed"):
        assert words in said
    for role in ("examiner", "solver", "critic", "teacher", "verifier"):
        assert role in said


def test_two_replays_give_one_state(simctl: Command):
    assert state(simctl("replay", "told-001").out) == state(simctl("replay", "told-001").out)


def test_a_replay_can_stop_anywhere(simctl: Command):
    whole, part = simctl("replay"), simctl("replay", "--until", "40")
    assert (part.code, "40: " in part.out) == (0, True)
    assert state(part.out) != state(whole.out)


def test_a_replay_of_nothing_is_a_state_too(simctl: Command):
    assert simctl("replay", "--until", "0").code == 0


@pytest.mark.parametrize(("number", "last"), [("0", 3), ("1", 38), ("3", 109)])
def test_a_replay_stops_at_the_end_of_a_round(simctl: Command, number: str, last: int):
    at_round, at_seq = simctl("replay", "--round", number), simctl("replay", "--until", last)
    assert f"{last}: " in at_round.out
    assert state(at_round.out) == state(at_seq.out)


def test_an_episode_is_told_as_far_as_the_replay_goes(simctl: Command):
    said = simctl("replay", "--episode", "e1.000", "--until", "10").out
    assert "posed" not in said
    assert "completed" not in said
    assert "completed" in simctl("replay", "--episode", "e1.000").out


MISTAKES = [
    (["--episode", "e9.000"], "there is no episode e9.000 in 109 events; there are e1.000 to e3"),
    (["--episode", "it's"], "there is no episode it's"),
    (["--episode", "e1.000", "--until", "3"], "in 3 events; there are none"),
    (["--round", "4"], "round 4 has not ended: the last that has is round 3"),
    (["--round", "1", "--until", "4"], "either --until SEQ or --round N"),
]


@pytest.mark.parametrize(("arguments", "words"), MISTAKES)
def test_a_place_that_is_not_there_is_told(simctl: Command, arguments: list[str], words: str):
    said = simctl("replay", "told-001", *arguments)
    assert (said.code, words in said.err) == (2, True), said.err
