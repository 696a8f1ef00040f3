"""`simctl diff` says where two runs part, and exits as diff(1) does."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
import told
from calls import Command

from simctl.bus.event import Draft
from simctl.bus.messages import AnswerGraded
from simctl.cli.recipe import dump, load
from simctl.store.duck import DuckLog


@pytest.fixture
def drafts() -> list[Draft]:
    return told.tale(load("society"), rounds=2)


def write(run_dir: Path, drafts: list[Draft], recipe: str = "society") -> Path:
    run_dir.mkdir()
    (run_dir / "run.toml").write_text(dump(load(recipe)))
    with DuckLog(run_dir / "log.duckdb", run=run_dir.name) as log:
        asyncio.run(log.append(drafts))
    return run_dir


def graded_less(drafts: list[Draft], at: int) -> list[Draft]:
    """Take half of the reward of the first grade from `at` on."""
    for place, draft in enumerate(drafts[at:], at):
        if isinstance(draft.message, AnswerGraded) and draft.message.reward:
            less = draft.message.model_copy(update={"reward": 0.5})
            return [*drafts[:place], replace(draft, message=less), *drafts[place + 1 :]]
    raise AssertionError


def test_equal_runs_exit_with_0(simctl: Command, tmp_path: Path, drafts: list[Draft]):
    said = simctl("diff", write(tmp_path / "a", drafts), write(tmp_path / "b", drafts))
    assert (said.code, f"equal: {len(drafts)} events, 2 rounds and 2 versions" in said.out) == (
        0,
        True,
    ), said.out + said.err


def test_the_first_event_that_differs_is_shown_from_both_sides(
    simctl: Command, tmp_path: Path, drafts: list[Draft]
):
    other = graded_less(drafts, len(drafts) // 2)
    place = next(
        at for at, pair in enumerate(zip(drafts, other, strict=True)) if pair[0] != pair[1]
    )
    said = simctl("diff", write(tmp_path / "one", drafts), write(tmp_path / "other", other))
    assert said.code == 1, said.err
    assert f"they share {place} events" in said.out
    assert f"they part at event {place + 1}, round 2, episode e2.0" in said.out
    lines = [line.split() for line in said.out.splitlines()]
    assert ["reward", "one", "1.0"] in lines
    assert ["other", "0.5"] in lines
    assert ["kind", "one", "other"] in lines


def test_a_run_that_goes_on_begins_with_the_one_that_ended(
    simctl: Command, tmp_path: Path, drafts: list[Draft]
):
    said = simctl("diff", write(tmp_path / "long", drafts), write(tmp_path / "short", drafts[:40]))
    assert said.code == 1
    assert f"short ends there; long goes on with {len(drafts) - 40} events" in said.out


def test_recipes_are_told_apart_key_by_key_and_what_happened_after_them(
    simctl: Command, tmp_path: Path, drafts: list[Draft]
):
    faster = load("society", ["trainer.learning_rate=1e-3"])
    other = graded_less([told.tale(faster, rounds=2)[0], *drafts[1:]], 30)
    place = next(at for at in range(1, len(drafts)) if drafts[at] != other[at])
    said = simctl("diff", write(tmp_path / "a", drafts), write(tmp_path / "b", other))
    assert "they part at event 1" in said.out
    assert f"the next that differs is event {place + 1}" in said.out
    assert ["trainer.learning_rate", "0.0002", "0.001"] in [
        line.split() for line in said.out.splitlines()
    ]


def test_a_run_is_not_compared_with_itself(simctl: Command, told_run: Path):
    said = simctl("diff", told_run, told_run.name)
    assert (said.code, "are one run" in said.err) == (2, True)


def test_a_run_that_is_not_there_is_named(simctl: Command, told_run: Path):
    said = simctl("diff", told_run, "nowhere")
    assert (said.code, "nowhere does not exist" in said.err) == (2, True)
