"""Versions in flight where they cannot come: the run is not begun, and is told what to do."""

from pathlib import Path

import pytest
from calls import Command

FLIES = ["trainer.in_flight=true", "trainer.max_staleness=1"]


@pytest.mark.parametrize(
    ("sets", "words", "told"),
    [
        pytest.param(
            FLIES[:1], [], "needs a max_staleness of 1 or more, and it is none", id="none"
        ),
        pytest.param(
            [FLIES[0], "trainer.max_staleness=0"], [], "1 or more, and it is 0", id="nothing ahead"
        ),
        pytest.param(
            FLIES, ["--engine", "vllm"], 'or sampler.engine be "transformers"', id="another engine"
        ),
        pytest.param(
            FLIES, ["--bus", "mqtt://127.0.0.1:1"], "run without --bus and --cluster", id="workers"
        ),
    ],
)
def test_a_run_in_which_no_version_can_come_in_flight_is_not_begun(
    simctl: Command, tmp_path: Path, sets: list[str], words: list[str], told: str
):
    chosen = [word for each in sets for word in ("--set", each)]
    said = simctl("run", "grpo", *chosen, *words, "--run-dir", tmp_path / "run")
    assert (said.code, said.out) == (2, "")
    assert told in said.err
    assert not (tmp_path / "run").exists()
