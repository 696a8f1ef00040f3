"""Headers of a DuckDB file: three of them, and what can be put in the place of a destroyed one.

The first tells what the file is, the two others in turn where its last two checkpoints are.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

from simctl.store.database import connect
from simctl.store.query import Limits

_SIZE = 4096  # bytes of each
_ALL = 3 * _SIZE


def variants(file: Path, target: Path) -> Iterator[None]:
    """Let `target` be a copy of `file` with other headers, in one variant after the other.

    Whatever then opens must prove itself: nothing says that it is what it was.
    """
    with file.open("rb") as opened:
        begun = opened.read(_ALL)
    if len(begun) < _ALL:
        return
    first, *ends = (begun[at : at + _SIZE] for at in range(0, _ALL, _SIZE))
    target.unlink()
    shutil.copyfile(file, target)
    for main in (first, _fresh(target.with_name("new.duckdb"))):
        for checkpoints in (ends, ends[1:] * 2, ends[:1] * 2):
            with target.open("r+b") as opened:
                opened.write(b"".join((main, *checkpoints)))
            yield


def _fresh(file: Path) -> bytes:
    """Return the first header of a new file."""
    connect(file, memory=Limits().memory).close()
    return file.read_bytes()[:_SIZE]
