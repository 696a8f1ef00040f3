"""The processes that a process has begun, and those that they have."""

from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")


def descendants(pid: int) -> Iterator[int]:
    """Give the ids of all processes below one, as far as they live."""
    for thread in (PROC / str(pid) / "task").glob("*"):
        for child in _read(thread / "children").split():
            yield int(child)
            yield from descendants(int(child))


def name(pid: int) -> str:
    """Return the short name of a process, or nothing where it has ended."""
    return _read(PROC / str(pid) / "comm").strip()


def title(pid: int) -> str:
    """Return the command line of a process, or what it calls itself in its place."""
    return _read(PROC / str(pid) / "cmdline").replace("\0", " ")


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:  # it has ended
        return ""
