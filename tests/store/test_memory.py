import json
import subprocess
import sys
from pathlib import Path

import pytest

from simctl.bus.memory import CAPACITY

CROWD = Path(__file__).parents[1] / "crowd.py"


def crowd(*options: str) -> dict[str, float]:
    """Run a crowd in a process of its own, whose memory nobody else has touched."""
    ran = subprocess.run(
        [sys.executable, CROWD, "--quiet", *options], capture_output=True, text=True, check=False
    )
    assert not ran.stderr
    row: dict[str, float] = json.loads(ran.stdout)
    return row


def test_finished_rounds_leave_memory():
    taken = crowd("--episodes", "40", "--rounds", "20", "--warm", "4")
    assert taken["events"] > 8_000
    assert taken["growth"] < 15  # MB; with what those rounds said it is 24


@pytest.mark.slow
def test_ten_thousand_episodes_at_once_fit_into_bounded_memory():
    taken = crowd("--episodes", "10000", "--rounds", "2", "--answers", "1", "--warm", "0")
    assert taken["events"] > 2 * 70_000
    assert taken["tail"] <= CAPACITY + 10_000  # a bus that is full lets each in once more
    assert taken["rss_most"] - taken["rss_before"] < 700
    assert taken["growth"] < 100  # the second round leaves nothing of the first
