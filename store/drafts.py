"""Drafts: what appears whole or not at all, whenever its writer is killed."""

import errno
import os
import re
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from simctl.store.processes import alive

_TAKEN = (errno.EEXIST, errno.ENOTEMPTY)


@contextmanager
def draft(target: Path) -> Generator[Path]:
    """Give an empty directory beside `target`; what is not published of it goes away."""
    target.parent.mkdir(parents=True, exist_ok=True)
    _clean(target)
    place = target.with_name(f".{target.name}.{os.getpid()}.draft")
    shutil.rmtree(place, ignore_errors=True)  # of a killed process that had the same id
    place.mkdir()
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def publish(place: Path, target: Path) -> bool:
    """Let a finished draft be `target`; return False where there is one already."""
    for path in (*place.rglob("*"), place):
        sync(path)
    try:
        place.rename(target)
    except OSError as error:
        if error.errno in _TAKEN:
            return False
        raise
    sync(target.parent)
    return True


def replace(place: Path, target: Path) -> None:
    """Let a finished file be `target`, in the place of the one that is there."""
    sync(place)
    place.rename(target)
    sync(target.parent)


def _clean(target: Path) -> None:
    """Remove what killed processes have left of this target; the rest of a directory is others'."""
    drafts = re.compile(rf"\.{re.escape(target.name)}\.(\d+)\.draft")
    for each in target.parent.iterdir():
        name = drafts.fullmatch(each.name)
        if name and not alive(int(name[1])):
            shutil.rmtree(each, ignore_errors=True)


def sync(path: Path) -> None:
    """Put a file or the entries of a directory on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
