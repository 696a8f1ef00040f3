"""Room: how much more memory this process may take while a query runs.

DuckDB counts what tables and joins hold, and not what one call makes: `range(0, 2000000000)` is one
value of 16 GB. The kernel refuses that, and the query alone fails.
"""

import resource
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

_STATM = Path("/proc/self/statm")  # where it is missing, nothing is bounded
_DATA = 5  # its column of data pages


class Room:
    """The bound, which belongs to the process: the first query sets it, the last one lifts it."""

    def __init__(self) -> None:
        """Bound nothing yet."""
        self._lock = threading.Lock()
        self._queries = 0
        self._before: tuple[int, int] | None = None

    @contextmanager
    def bounded(self, room: int) -> Generator[None]:
        """Let the process grow by `room` bytes at most, unless something else bounds it."""
        with self._lock:
            self._queries += 1
            if self._queries == 1:
                self._before = _bound(room)
        try:
            yield
        finally:
            with self._lock:
                self._queries -= 1
                if not self._queries and self._before is not None:
                    resource.setrlimit(resource.RLIMIT_DATA, self._before)


def _bound(room: int) -> tuple[int, int] | None:
    """Set the bound, and return what was there before it; nothing if there is one already."""
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if soft != resource.RLIM_INFINITY or not _STATM.exists():
        return None
    used = int(_STATM.read_text().split()[_DATA]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_DATA, (used + room, hard))
    return soft, hard


def unbound() -> None:
    """Take a bound away that was inherited from a process in which a query ran."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))
