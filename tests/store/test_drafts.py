"""A draft is there whole or not at all, and nothing else of its directory is touched."""

import subprocess
import sys
from pathlib import Path

import pytest

from simctl.store.drafts import draft


@pytest.fixture
def ended() -> int:
    """The id of a process that is no more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_only_drafts_of_the_same_target_are_cleaned_away(tmp_path: Path, ended: int):
    mine, others = (tmp_path / f".{name}.{ended}.draft" for name in ("run", "notes"))
    for each in (mine, others):
        each.mkdir()
    with draft(tmp_path / "run") as place:
        assert sorted(tmp_path.iterdir()) == sorted([place, others])
    assert list(tmp_path.iterdir()) == [others]
