"""Patience: takes a step again and again until it succeeds, for a while."""

import errno
import threading
import time
from collections.abc import Callable
from itertools import count

from simctl.store.errors import LogBrokenError

_FIRST, _LONGEST = 0.05, 2.0  # seconds between two tries
_FULL = ("No space left", "File too large", "Disk quota exceeded")
_NO_ROOM = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)


class Patience:
    """How long the log tries to write before it breaks, and who hears that it waits."""

    def __init__(self, seconds: float, tell: Callable[[str], None]) -> None:
        """Try for `seconds`; `tell` hears once for each trouble what is waited for."""
        self._seconds = seconds
        self._tell = tell
        self._lost = threading.Event()

    def lose(self) -> None:
        """Wait for nothing any more."""
        self._lost.set()

    def until_done(self, step: Callable[[], None]) -> None:
        """Take a step until it succeeds. What fails once is tried again at once.

        Raises:
            LogBrokenError: it can not succeed, or did not in time.
        """
        end = time.monotonic() + self._seconds
        for tried in count():
            try:
                step()
            except LogBrokenError:
                raise
            except Exception as error:
                if tried == 1:
                    self._tell(self._said(error))
                pause = min(_FIRST * 2**tried, _LONGEST, end - time.monotonic())
                if tried and (pause <= 0 or self._lost.wait(pause)):
                    raise _broken(error) from error
            else:
                return

    def _said(self, error: Exception) -> str:
        if _is_full(error):
            return f"the disk is full: waiting up to {self._seconds:g} s for room"
        return f"the log cannot be written, trying for {self._seconds:g} s: {error}"


def _is_full(error: Exception) -> bool:
    if isinstance(error, OSError):
        return error.errno in _NO_ROOM
    return any(each in str(error) for each in _FULL)


def _broken(error: Exception) -> LogBrokenError:
    return LogBrokenError(
        f"a commit failed and the log takes nothing more: {error}\n"
        "Make room on the disk if it is full, then go on with `simctl run --resume`: "
        "everything acknowledged is in the log."
    )
