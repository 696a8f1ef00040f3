"""A torn log is found, its whole beginning recovered, and the loss told as a number (P5)."""

from pathlib import Path
from random import Random

import pytest
import torn


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Path]:
    """A log that was closed, and one whose process was gone in a moment."""
    place = tmp_path_factory.mktemp("logs")
    torn.write(place / "open", commits=20, size=30, closed=False)
    torn.write(place / "closed", commits=20, size=500, closed=True)
    return {False: place / "open", True: place / "closed"}


@pytest.mark.parametrize("seed", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 2, 3))])
@pytest.mark.parametrize("name", torn.DAMAGES)
def test_a_torn_log_is_found_recovered_and_its_loss_told(
    logs: dict[bool, Path], tmp_path: Path, name: str, seed: int
):
    closed, damage = torn.DAMAGES[name]
    seen = torn.befall(logs[closed], tmp_path / "run", damage, Random(seed))  # noqa: S311
    assert sum(seen.missing.values()) == seen.events - seen.kept
    assert (seen.found == "harmless") == (seen.kept == seen.events and not seen.source)
    if not closed:
        assert "unknown" not in seen.missing
