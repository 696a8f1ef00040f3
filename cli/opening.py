"""Opening: a log with today's views, whichever version of simctl wrote it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from simctl.cli.cut import Log
from simctl.store import address
from simctl.store.access import LOG, open_log
from simctl.store.duck import DuckLog
from simctl.store.schema import CATALOGUE, catalogue

Opener = Callable[[Path], AbstractContextManager[Log]]


def open_current(path: Path) -> Log:
    """Open the log of a run for SQL of today; one that an older simctl wrote gets its views first.

    Raises:
        StoreError: there is none, it is damaged, or a process holds it and does not answer.
    """
    if address.find(path) is None:
        with open_log(path) as log:
            [known] = log.query(CATALOGUE).to_pylist()
        if known["mark"] != catalogue():
            DuckLog(path / LOG, run=path.name).close()
    return open_log(path)
