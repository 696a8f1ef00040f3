from pathlib import Path

import pytest
from live import finish, start


@pytest.fixture(scope="session")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run that nobody disturbed."""
    run_dir = tmp_path_factory.mktemp("runs") / "unbroken"
    finish(start(run_dir))
    return run_dir
