"""Room: how much more memory this process may take while a query runs.

DuckDB counts what tables and joins hold, and not what one call makes: `range(0, 2000000000)` is one
value of 16 GB. The kernel refuses that, and the query alone fails.
"""

import resource
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

_STATM = Path("/proc/self/statm")  # where it is missing, nothing is bounded
_DATA = 5  # its column of data pages


@contextmanager
def bounded(room: int) -> Generator[None]:
    """Let the process grow by `room` bytes at most, unless something bounds it already."""
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if soft != resource.RLIM_INFINITY or not _STATM.exists():
        yield
        return
    used = int(_STATM.read_text().split()[_DATA]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_DATA, (used + room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def unbound() -> None:
    """Take a bound away that was inherited from a process in which a query ran."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))
