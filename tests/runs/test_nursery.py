"""Trainers are forked from a run where that is safe, and from nothing else."""

import os
import threading
from pathlib import Path

import pytest
from live import finish, start, trainer_of, wait_for

from simctl.cli.nursery import nursery


@pytest.mark.slow
def test_a_trainer_shares_what_the_run_has_imported(tmp_path: Path):
    process = start(tmp_path / "run")
    wait_for(lambda: trainer_of(process) is not None)
    trainer = trainer_of(process)
    assert trainer is not None
    told = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in (process.pid, trainer)]
    assert told[0] == told[1]  # no program was started
    assert os.getsid(trainer) == trainer  # Ctrl-C is the run's alone
    finish(process)


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
