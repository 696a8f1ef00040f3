"""The lender: the logs that are being asked, each opened once for all who ask it at a time.

DuckDB lets one part of a process open a file, and reads it anew whenever it is opened. So a log
stays open a moment after an answer, and no longer: a page that is left open stands in nobody's way,
and a run can be resumed meanwhile.
"""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from simctl.cli.cut import Log
from simctl.cli.opening import open_current

LINGER = 2.0  # seconds: a page asks for several things at once, and for no more in a while


class Lender:
    """Lends logs."""

    def __init__(self, linger: float = LINGER) -> None:
        """Begin with every log closed; keep each open for so many seconds after its last use."""
        self._linger = linger
        self._lent: dict[Path, _Lent] = {}
        self._change = threading.Lock()

    @contextmanager
    def lend(self, path: Path) -> Generator[Log]:
        """Give the log of a run, for as long as it is entered.

        Raises:
            StoreError: it cannot be opened.
        """
        with self._change:
            lent = self._lent.setdefault(path, _Lent())
            lent.users += 1
            lent.uses += 1
        good = False
        try:
            yield lent.open(path)
            good = True
        finally:
            with self._change:
                lent.users -= 1
                if not good or not self._linger:
                    self._drop(path, lent)
                elif not lent.users:
                    waits = threading.Timer(self._linger, self._close, (path, lent, lent.uses))
                    waits.daemon = True
                    waits.start()

    def _close(self, path: Path, lent: "_Lent", uses: int) -> None:
        """Close a log that nobody has used since."""
        with self._change:
            if lent.uses == uses:
                self._drop(path, lent)

    def _drop(self, path: Path, lent: "_Lent") -> None:
        """Close a log as soon as nobody uses it; what failed is opened anew for who comes next."""
        if not lent.users and self._lent.get(path) is lent:
            # within the lock: who comes next must find the file closed
            del self._lent[path]
            lent.close()


class _Lent:
    """A log, how many use it now, and how often it was used."""

    def __init__(self) -> None:
        self.users = self.uses = 0
        self._opening = threading.Lock()
        self._log: Log | None = None

    def open(self, path: Path) -> Log:
        """Return the log; whoever comes first opens it, and others wait for that."""
        with self._opening:
            if self._log is None:
                self._log = open_current(path)
            return self._log

    def close(self) -> None:
        """Close it."""
        if self._log is not None:
            self._log.close()
