"""What `simctl verify` refuses. What it finds is in tests/runs."""

from pathlib import Path

import told
from calls import Command

from simctl.agents.policy.embedded import PATH
from simctl.cli.recipe import load
from simctl.cli.runs import is_finished
from simctl.store.access import open_log
from simctl.store.policies import PolicyStore


def test_a_run_without_a_trainer_has_none_to_verify(simctl: Command, tmp_path: Path):
    run_dir = told.write(tmp_path / "run", load("society", ["objective=[]"]), rounds=1)
    PolicyStore(run_dir / "policies").adopt(PATH)
    said = simctl("verify", run_dir, "--only", "trainer")
    assert (said.code, "has no trainer" in said.err) == (2, True), said.err


def test_a_run_whose_first_policy_is_gone_is_not_verified(simctl: Command, told_run: Path):
    said = simctl("verify", told_run)
    assert (said.code, "no policy version 0" in said.err) == (2, True), said.err


def test_a_log_that_was_not_made_by_a_society_parts_at_once(simctl: Command, tmp_path: Path):
    run_dir = told.write(tmp_path / "run", load("society"), rounds=1)
    PolicyStore(run_dir / "policies").adopt(PATH)
    said = simctl("verify", run_dir, "--only", "agents")
    assert said.code == 1
    assert "First divergence: event 1, round 0, society" in said.out
    assert "policy_sha256" in said.out


def test_a_run_that_ends_meanwhile_had_not_ended_where_its_verification_began(told_run: Path):
    with open_log(told_run) as log:
        last = log.last_seq
        assert [is_finished(log, until) for until in (last - 1, last)] == [False, True]
