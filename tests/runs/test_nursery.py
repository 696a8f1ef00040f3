"""Trainers are forked from a run where that is safe, and from nothing else."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from family import title
from halt import Halt, learnt
from live import finish, start, trainer_of

from simctl.cli.nursery import nursery


@pytest.mark.slow
def test_a_trainer_shares_what_the_run_has_imported(tmp_path: Path):
    amid = Halt(tmp_path / "halted", learnt(1))
    with amid, start(tmp_path / "run", env=amid.environment) as process:
        trainer = amid.wait()
        assert trainer == trainer_of(process)
        assert title(trainer) == title(process.pid)  # no program was started
        assert os.getsid(trainer) == trainer  # Ctrl-C is the run's alone
        amid.go_on()
        finish(process)


_ENDING = """
import threading
from simctl.cli.nursery import nursery
threading.Timer(0.1, print).start()
with nursery() as found:
    print(found is not None)
"""


@pytest.mark.slow
def test_a_thread_that_is_about_to_end_is_waited_for():
    told = subprocess.run(
        [sys.executable, "-c", _ENDING], capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == ["True"]


def test_a_process_with_threads_is_not_forked():
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    try:
        with nursery() as found:
            assert found is None
    finally:
        end.set()
        thread.join()
