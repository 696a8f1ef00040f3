import fcntl
import shutil
from pathlib import Path

import pytest
from live import AHEAD, finish, start


@pytest.fixture(scope="session")
def unbroken(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A small run that nobody disturbed: played once, and each worker of pytest has a copy."""
    own = tmp_path_factory.mktemp("runs")
    shared = own if worker_id == "master" else tmp_path_factory.getbasetemp().parent
    with (shared / "played.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "played").exists():
            finish(start(shared / "playing"))
            (shared / "playing").rename(shared / "played")  # only a run that ended well
    return shutil.copytree(shared / "played", own / "unbroken")


@pytest.fixture(scope="session")
def ahead(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same run a round ahead of its trainer."""
    run_dir = tmp_path_factory.mktemp("runs") / "ahead"
    finish(start(run_dir, sets=AHEAD))
    return run_dir
