"""Learning again from a log says of every version how it compares with what was announced."""

import asyncio
from pathlib import Path

import pytest
import told
from calls import Command

from simctl.agents.policy.embedded import PATH
from simctl.bus.event import Draft
from simctl.bus.messages import PolicyUpdated
from simctl.cli.recipe import dump, load
from simctl.store.duck import DuckLog
from simctl.store.policies import PolicyStore


def write(run_dir: Path, drafts: list[Draft]) -> Path:
    PolicyStore(run_dir / "policies").adopt(PATH)
    (run_dir / "run.toml").write_text(dump(load("society")))
    with DuckLog(run_dir / "log.duckdb", run="run") as log:
        asyncio.run(log.append(drafts))
    return run_dir


@pytest.fixture
def drafts() -> list[Draft]:
    """A run of one round that broke off while its trainer learnt."""
    whole = told.tale(load("society"), rounds=1, ended=False)
    kinds = [draft.message.kind for draft in whole]
    return whole[: kinds.index("round_ended") + 1]


def announced(version: int, sha256: str = "11" * 32) -> Draft:
    update = PolicyUpdated(version=version, parent=version - 1, sha256=sha256, metrics={})
    return Draft("trainer", 0, version - 1, update, "trainer", round=version)


def test_a_version_that_was_never_announced_is_no_difference(
    simctl: Command, tmp_path: Path, drafts: list[Draft]
):
    said = simctl("train", "--from", write(tmp_path / "run", drafts))
    assert (said.code, "not announced" in said.out) == (0, True), said.out + said.err


def test_other_weights_than_announced_fail(simctl: Command, tmp_path: Path, drafts: list[Draft]):
    said = simctl("train", "--from", write(tmp_path / "run", [*drafts, announced(1)]))
    assert (said.code, "≠ log" in said.out) == (1, True), said.out + said.err


def test_an_announced_version_that_does_not_come_out_fails(
    simctl: Command, tmp_path: Path, drafts: list[Draft]
):
    out = tmp_path / "out"
    simctl("train", "--from", write(tmp_path / "first", drafts), "--out", out)
    both = [announced(1, PolicyStore(out).sha256(1)), announced(2)]
    said = simctl("train", "--from", write(tmp_path / "run", [*drafts, *both]))
    assert "= log" in said.out
    assert (said.code, "not learnt, though announced: v2" in said.out) == (1, True), said.out
