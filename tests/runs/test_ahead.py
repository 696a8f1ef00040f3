"""A run whose rounds are played ahead of its trainer promises what any other does."""

from pathlib import Path
from random import Random

import pytest
from kills import Witness, doubled, plan_kills, suffer
from live import AHEAD, assert_whole, chain, final_sha256, finish, simctl, start

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
KILLS = 5


def test_however_fast_the_trainer_was_one_seed_has_one_chain(ahead: Path, tmp_path: Path):
    finish(start(tmp_path / "again", sets=AHEAD))
    assert chain(tmp_path / "again") == chain(ahead)


def test_what_it_said_and_learnt_comes_out_again(ahead: Path):
    verified = simctl("verify", ahead)
    assert verified.returncode == 0, verified.stdout
    assert "divergences  0" in verified.stdout
    assert "3 versions rebuilt" in verified.stdout


def test_killed_anywhere_it_ends_with_the_same_weights(ahead: Path, tmp_path: Path):
    witness = Witness(tmp_path / "broken")
    planned = plan_kills(Random(KILLS), KILLS, len(chain(ahead)))  # noqa: S311
    struck = suffer(witness, planned, AHEAD)
    assert {each.kill.victim for each in struck} == {"run", "trainer"}
    assert_whole(witness.run_dir)
    assert doubled(witness.run_dir) == 0
    assert final_sha256(witness.run_dir) == final_sha256(ahead)
