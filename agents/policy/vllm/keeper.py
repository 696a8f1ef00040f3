"""The keeper of a server: begins it, and ends all of its processes once its owner is gone.

Whoever begins a keeper holds the other end of its standard input, and never writes. A server of
several processes leaves some of them behind where only the first is killed: so it begins in a
session of its own, and is ended as a whole. Run by its path, it needs nothing but Python.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress

GRACE = 15.0  # seconds that a server has to end by itself


def main(command: Sequence[str]) -> int:
    """Keep a server until it ends or nobody wants it any more; return its exit code."""
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603 - the recipe names it
    threading.Thread(target=_outlived, args=(server,), daemon=True).start()
    code = server.wait()
    with suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)  # whatever of it is left
    return code if code >= 0 else 128 - code  # as a shell says of signals


def _outlived(server: "subprocess.Popen[bytes]") -> None:
    """End the server once standard input has ended: the owner closed it, or is no more."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    with suppress(ProcessLookupError):
        server.terminate()
        try:
            server.wait(GRACE)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
