"""The terminal that a person sits at."""

import sys
import termios
from collections.abc import Generator
from contextlib import contextmanager

_LOCAL_MODES = 3  # of what tcgetattr gives


@contextmanager
def unechoed() -> Generator[None]:
    """Keep what is typed off the screen: a `^C` would shift the picture that is drawn there."""
    if not sys.stdin.isatty():
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    modes = termios.tcgetattr(sys.stdin)
    modes[_LOCAL_MODES] &= ~(termios.ECHO | termios.ECHOCTL)
    termios.tcsetattr(sys.stdin, termios.TCSADRAIN, modes)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
