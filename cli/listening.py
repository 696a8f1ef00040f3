"""Listening: a socket at an address that somebody named."""

import socket

from simctl.cli.errors import UserError


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens there; at port 0, at a free one.

    Raises:
        UserError: the address is taken, or none of this machine's.
    """
    try:
        [(family, *_, place), *_others] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return socket.create_server(place[:2], family=family)
    except OSError as error:
        raise UserError(
            f"cannot listen on {host} port {port}: {error.strerror}; name another with --port"
        ) from error


def url(listening: socket.socket) -> str:
    """Return the address of a socket, as a browser takes it."""
    host, port, *_ = listening.getsockname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
