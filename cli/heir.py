"""Heirs: a process that another one began ends when that one is gone, however it went.

Whoever begins it keeps the other end of its standard input, and never writes. The end of a process
closes that, even where it was killed and could say nothing.
"""

import os
import signal
import sys
import threading

NAME = "heir"  # of the thread, which only waits


def watch() -> None:
    """Ask this process to stop, as Ctrl-C does, once its standard input has ended."""
    threading.Thread(target=_wait, name=NAME, daemon=True).start()


def _wait() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
