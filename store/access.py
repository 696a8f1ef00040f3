"""Opens the log of a run for reading, whether the run is live or not."""

from pathlib import Path

from simctl.store import address
from simctl.store.client import RemoteLog
from simctl.store.errors import RunMissingError
from simctl.store.finished import FinishedLog
from simctl.store.query import Limits

LOG = "log.duckdb"


def open_log(run_dir: Path, limits: Limits | None = None) -> RemoteLog | FinishedLog:
    """Return the log of a run: from its owner if it is live, else from its file.

    Raises:
        RunMissingError: there is no such run.
        LogBusyError: a process holds the file but does not answer (it starts or ends).
        ForeignLogError, LogCorruptError: the file is no log, or damaged.
    """
    owner = address.find(run_dir)
    if owner is not None:
        return RemoteLog(owner)
    if not run_dir.is_dir():
        raise RunMissingError(f"no run at {run_dir}")
    return FinishedLog(run_dir / LOG, limits)
