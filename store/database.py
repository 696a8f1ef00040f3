"""The database file of a log: opened with its guards on, its errors said in our words."""

import re
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from simctl.store.errors import (
    ForeignLogError,
    LogBrokenError,
    LogBusyError,
    LogCorruptError,
    RunMissingError,
    StoreError,
)

Connection = duckdb.DuckDBPyConnection
# what a query must not do is switched off for the whole process: reading files, loading
# extensions, seeing Python variables, and switching any of it on again
_GUARDS: dict[str, str | bool] = {
    "enable_external_access": False,
    "autoload_known_extensions": False,
    "autoinstall_known_extensions": False,
    "python_enable_replacements": False,
    "temp_directory": "",
    "lock_configuration": True,
}
_OWNER: dict[str, str | bool | int] = {
    "storage_compatibility_version": "v1.5.0",  # so that the oldest supported DuckDB opens it
    "checkpoint_threshold": "256MB",  # a checkpoint stops all commits, so there are few
    "threads": 1,  # the machine belongs to the models
}
_PID = re.compile(r"PID (\d+)")


def connect(path: Path, *, memory: int, read_only: bool = False) -> Connection:
    """Open the file at `path` with `memory` bytes; with `read_only` it must be there.

    Raises:
        RunMissingError: there is no file.
        LogBusyError: another process, or another part of this one, holds it.
        ForeignLogError: it is no DuckDB file.
        LogCorruptError: DuckDB refuses its bytes.
    """
    if read_only and not path.exists():
        raise RunMissingError(f"no log at {path}: is {path.parent} a run directory?")
    # a unique name makes DuckDB refuse to share the file with another part of this process
    own = {"custom_user_agent": f"simctl-{uuid.uuid4().hex}", "memory_limit": f"{memory}B"}
    with in_our_words(path):
        return duckdb.connect(
            path, read_only=read_only, config={**_GUARDS, **({} if read_only else _OWNER), **own}
        )


def connect_memory() -> Connection:
    """Open an empty database in memory, with the guards on."""
    return duckdb.connect(":memory:", config=dict(_GUARDS))


@contextmanager
def transaction(connection: Connection) -> Generator[None]:
    """Commit what happens inside, or nothing of it."""
    connection.begin()
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


@contextmanager
def in_our_words(path: Path) -> Generator[None]:
    """Raise errors from opening `path` as errors of the store."""
    try:
        yield
    except duckdb.Error as error:
        raise _translated(path, str(error)) from error


def _translated(path: Path, text: str) -> StoreError:
    run = path.parent.name
    if "Could not set lock" in text:
        pid = _PID.search(text)
        holder = f"process {pid[1]}" if pid else "another process"
        return LogBusyError(f"run {run} is live in {holder}: ask it, or wait until it ends")
    if "different configuration" in text:
        return LogBusyError(f"run {run} is open already in this process: close it first")
    if "not a valid DuckDB database" in text:
        return ForeignLogError(f"{path} is not a log of simctl: it is no DuckDB database")
    if "No space left" in text:
        return LogBrokenError(f"the disk of {path} is full: free some space and try again")
    if "newer version" in text or "storage version" in text.lower():
        return ForeignLogError(f"{path} was written by another version of DuckDB: {text}")
    return LogCorruptError(f"the log {path} cannot be opened: {text}")
