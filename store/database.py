"""The database file of a log: opened with its guards on, its errors said in our words."""

import re
import threading
import time
import uuid
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Protocol

import duckdb

from simctl.store.errors import (
    ForeignLogError,
    LogBrokenError,
    LogBusyError,
    LogClosedError,
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
}
_LOCK = "SET lock_configuration = true"
_OWNER: dict[str, str | bool | int] = {
    "storage_compatibility_version": "v1.5.0",  # so that the oldest supported DuckDB opens it
    # a checkpoint stops all commits, so there are few; after a kill the rest is read again
    "checkpoint_threshold": "128MB",
    "threads": 1,  # the machine belongs to the models
}
# by itself a file that is closed writes all of its write-ahead log again, full disk or not
_OWNED = "PRAGMA disable_checkpoint_on_shutdown"
_AGAIN = 0.02  # seconds
_INSIST = 20.0  # seconds
_PID = re.compile(r"PID (\d+)")


class Cursors(Protocol):
    """Where a cursor can be had: a connection, or the database of an owner."""

    def cursor(self) -> AbstractContextManager[Connection]:
        """Return a cursor for the time that it is entered."""
        ...


class Opener(Protocol):
    """What opens a file as its owner."""

    def __call__(self, path: Path, *, memory: int) -> Connection:
        """Open the file at `path` with `memory` bytes."""
        ...


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
        connection = duckdb.connect(
            path, read_only=read_only, config={**_GUARDS, **({} if read_only else _OWNER), **own}
        )
        connection.execute(_LOCK if read_only else f"{_OWNED}; {_LOCK}")
    return connection


def insist(path: Path, *, memory: int) -> Connection:
    """Open a file as its owner, though somebody reads it at the moment: that is soon over.

    Raises:
        LogBusyError: another process holds it for long.
    """
    end = time.monotonic() + _INSIST
    while True:
        try:
            return connect(path, memory=memory)
        except LogBusyError:
            if time.monotonic() > end:
                raise
        time.sleep(_AGAIN)  # nothing of another process could be waited on


class Database:
    """The open file of a log. It can be closed and opened again while its readers wait.

    DuckDB lets go of a file only when every cursor on it is closed, so all are had from here.
    """

    def __init__(self, path: Path, *, memory: int, opener: Opener = connect) -> None:
        """Open the file at `path`; raises what `opener` raises."""
        self.path = path
        self._open = partial(opener, path, memory=memory)
        self.connection = self._open()
        self._users = 0
        self._shut = False
        self._ended: StoreError | None = None
        self._change = threading.Condition()

    @contextmanager
    def cursor(self) -> Generator[Connection]:
        """Give a cursor, as soon as the file is open.

        Raises:
            StoreError: the file is closed for good.
        """
        with self._change:
            self._change.wait_for(lambda: not self._shut or self._ended is not None)
            if self._ended is not None:
                raise self._ended
            self._users += 1
        try:
            with self.connection.cursor() as cursor:
                yield cursor
        finally:
            with self._change:
                self._users -= 1
                self._change.notify_all()

    def reopen(self, stop: Callable[[], None]) -> None:
        """Close the file and open it again; `stop` ends those who use it for long.

        When it cannot be opened whoever wants a cursor waits on, for another try or the end.
        """
        self._shut = True
        if not self._wait_for_users(stop):
            raise LogBrokenError(f"a query on {self.path} cannot be stopped: end its process")
        self._release()
        self.connection = self._open()
        with self._change:
            self._shut = False
            self._change.notify_all()

    def give_up(self, reason: StoreError) -> None:
        """Let nobody wait any more if the file could not be opened again: they hear the reason."""
        if self._shut:
            self._end(reason)

    def close(self, stop: Callable[[], None]) -> bool:
        """Checkpoint and close the file for good; return whether the checkpoint went well."""
        self._end(LogClosedError("the log is closed"))
        self._wait_for_users(stop)
        tidy = self.checkpoint()
        self._release()
        return tidy

    def checkpoint(self) -> bool:
        """Move the write-ahead log into the file; return whether that went well.

        It only tidies up: what was acknowledged is in the write-ahead log already.
        """
        try:
            self.connection.execute("CHECKPOINT")
        except duckdb.Error:
            return False
        return True

    def _end(self, reason: StoreError) -> None:
        with self._change:
            self._ended = reason
            self._change.notify_all()

    def _wait_for_users(self, stop: Callable[[], None]) -> bool:
        """Wait until nobody uses the file, and tell whether that came about."""
        end, users = time.monotonic() + _INSIST, True
        while users and time.monotonic() < end:
            stop()  # again, for one that was about to begin
            with self._change:
                users = not self._change.wait_for(lambda: not self._users, _AGAIN)
        return not users

    def _release(self) -> None:
        with suppress(duckdb.Error):
            self.connection.close()


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
    except (duckdb.Error, OSError) as error:
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
