"""The oldest DuckDB that is supported keeps the same promises as the newest."""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pytest
import told

from simctl.bus.event import Draft
from simctl.bus.messages import RunResumed
from simctl.cli.recipe import load
from simctl.store.access import open_log
from simctl.store.duck import DuckLog

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

ROOT = Path(__file__).resolve().parents[2]
OLDEST = Path(sys.prefix) / "duckdb-1.5"  # `make setup` puts it beside the newest
_RUN = """
import sys, duckdb
assert duckdb.__version__.startswith("1.5."), duckdb.__version__
import pytest
sys.exit(pytest.main(sys.argv[1:]))
"""
_TELL = """
import sys
from pathlib import Path
import duckdb
assert duckdb.__version__.startswith("1.5."), duckdb.__version__
import told
from simctl.cli.recipe import load
told.write(Path(sys.argv[1]), load("society", []))
"""
_READ = """
import sys
from pathlib import Path
import duckdb
assert duckdb.__version__.startswith("1.5."), duckdb.__version__
from simctl.store.access import open_log
with open_log(Path(sys.argv[1])) as log:
    print(*[event.hash for event in log.read()], sep="\\n")
    assert log.query("SELECT count(*) AS n FROM attempts").to_pylist() == [{"n": 12}]
"""


def with_oldest(code: str, *arguments: str | Path) -> str:
    """Run Python with DuckDB 1.5, and return what it printed."""
    assert OLDEST.is_dir(), f"{OLDEST} is missing: `make setup` installs DuckDB 1.5 there"
    paths = [OLDEST, ROOT / "src", ROOT / "tests"]
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def test_the_store_keeps_its_promises_on_the_oldest_duckdb():
    assert not duckdb.__version__.startswith("1.5."), "here the newest should be tested"
    with TemporaryDirectory(prefix="simctl-") as place:  # short: sockets have short paths
        options = ["-q", "-p", "no:cacheprovider", f"--basetemp={place}/tests"]
        said = with_oldest(_RUN, *options, "-m", "not slow and not gpu", "tests/store")
    assert " passed" in said


def test_the_newest_log_opens_in_the_oldest_duckdb(tmp_path: Path):
    run = told.write(tmp_path / "run-a", load("society", []))
    with open_log(run) as log:
        chain = [event.hash for event in log.read()]
    assert with_oldest(_READ, run).split() == chain


def test_the_oldest_log_goes_on_in_the_newest_duckdb(tmp_path: Path):
    run = tmp_path / "run-a"
    with_oldest(_TELL, run)
    chain = with_oldest(_READ, run).split()
    with DuckLog(run / "log.duckdb", run="run-a") as log:
        assert [event.hash for event in log.read()] == chain
        log.submit([Draft("session", 7, 0, RunResumed(incarnation=2), "session")]).result()
    assert with_oldest(_READ, run).split()[:-1] == chain
