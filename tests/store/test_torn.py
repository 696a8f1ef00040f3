"""A torn log is found, its whole beginning recovered, and the loss told as a number (P5)."""

from pathlib import Path
from random import Random

import pytest
import torn


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return torn.write_all(tmp_path_factory.mktemp("logs"))


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", torn.DAMAGES)
def test_a_torn_log_is_found_recovered_and_its_loss_told(
    logs: dict[str, Path], tmp_path: Path, name: str, seed: int
):
    end, damage = torn.DAMAGES[name]
    seen = torn.befall(logs[end], tmp_path / "run", damage, Random(seed))  # noqa: S311
    assert sum(seen.missing.values()) == seen.events - seen.kept
    assert (seen.found == "harmless") == (seen.kept == seen.events and not seen.source)
    if end != "closed":
        assert "unknown" not in seen.missing
