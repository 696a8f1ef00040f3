"""Runs whose processes are killed again and again, wherever they are: as they start too."""

from pathlib import Path
from random import Random

import pytest
from kills import Struck, Witness, doubled, plan_kills, suffer
from live import ask, assert_whole, chain, final_sha256

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
KILLS = 8  # `make soak` has hundreds


@pytest.fixture(scope="module")
def broken(
    unbroken: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Witness, list[Struck]]:
    """The same run, killed over and over, with what was acknowledged and the kills that struck."""
    witness = Witness(tmp_path_factory.mktemp("runs") / "broken")
    planned = plan_kills(Random(KILLS), KILLS, len(chain(unbroken)))  # noqa: S311
    return witness, suffer(witness, planned)


def test_what_was_acknowledged_before_a_kill_is_in_the_log(broken: tuple[Witness, list[Struck]]):
    witness, struck = broken
    assert {each.kill.victim for each in struck} == {"run", "trainer"}
    written = dict(enumerate(chain(witness.run_dir), 1))
    assert witness.heard
    assert witness.heard.items() <= written.items()


def test_a_run_that_was_killed_has_no_gap_and_says_nothing_twice(
    broken: tuple[Witness, list[Struck]],
):
    run_dir = broken[0].run_dir
    assert_whole(run_dir)
    assert doubled(run_dir) == 0
    ends = ask(run_dir, "select detail from run_ended order by seq")
    assert ends[-1] == {"detail": ""}


def test_a_run_that_was_killed_ends_with_the_weights_of_one_that_was_not(
    unbroken: Path, broken: tuple[Witness, list[Struck]]
):
    witness, struck = broken
    assert len(struck) >= KILLS // 2  # one that comes too late kills nobody
    assert final_sha256(witness.run_dir) == final_sha256(unbroken)
