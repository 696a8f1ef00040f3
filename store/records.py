"""A file of records: it grows by whole ones, and one that could not be written is not there."""

import errno
import os
from contextlib import suppress
from pathlib import Path


class Records:
    """Appends to a file. Whoever reads it may find the last record torn, and no other."""

    def __init__(self, file: Path, first: bytes | None = None) -> None:
        """Go on with `file`; with `first` it begins anew, and appears with that in it."""
        if first is not None:
            draft = file.with_name(f".{file.name}.{os.getpid()}")
            draft.write_bytes(first)
            draft.rename(file)
        self._file = file.open("ab", buffering=0)
        self.size = self._file.tell()

    def append(self, record: bytes, *, sync: bool = False) -> None:
        """Add a record; with `sync` it is on the disk when this returns.

        Raises:
            OSError: it could not be written, and no later one stands behind a part of it.
        """
        if os.fstat(self._file.fileno()).st_size > self.size:
            self._file.truncate(self.size)  # what was written in part stands behind no record
        try:
            self._write(record)
            if sync:
                os.fdatasync(self._file.fileno())
        except OSError:
            with suppress(OSError):  # then the next one tries again
                self._file.truncate(self.size)
            raise
        self.size += len(record)

    def cut(self, size: int = 0) -> None:
        """Let only the first `size` bytes stay."""
        self._file.truncate(size)
        self.size = size

    def close(self) -> None:
        """Release the file."""
        self._file.close()

    def _write(self, record: bytes) -> None:
        if self._file.write(record) != len(record):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self._file.name)
