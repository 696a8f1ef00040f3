"""Ports of this machine, for a server that is about to begin."""

import secrets
import socket
from contextlib import suppress

# none that a system gives away by itself, or the next connection could have it
PORTS = range(20_000, 32_000)


def free_port() -> int:
    """Return a port that nobody listens on; somebody may be quicker than its user."""
    while True:
        port = secrets.choice(PORTS)
        with socket.socket() as found, suppress(OSError):
            found.bind(("127.0.0.1", port))
            return port
