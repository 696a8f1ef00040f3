"""What `simctl broker` does: it starts mosquitto, says how to reach it, and ends with it."""

import shlex
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Self

from simctl.cli.broker.configuration import Listener
from simctl.cli.broker.directory import enter, furnish
from simctl.cli.broker.program import Broker, check_version, find, start
from simctl.cli.broker.users import CREDENTIALS, Role, User, keep, parse

_COMMANDS: dict[Role, str] = {"owner": "run", "worker": "worker"}
_ANY = {"0.0.0.0": "", "::": ""}  # noqa: S104 - to be named otherwise


def host(directory: Path, listener: Listener, wanted: Sequence[str]) -> int:
    """Run a broker until it is stopped; return 1 if it ended by itself.

    Raises:
        BrokerError: it cannot be started like that.
        MosquittoMissingError: mosquitto is not installed.
    """
    listener.check()
    extra = [parse(text) for text in wanted]
    check_version(find())
    with enter(directory) as lock, _Request() as request:
        users = keep(directory, extra)
        configuration = furnish(directory, users, listener)
        # mosquitto holds the lock as well: it may outlive us
        broker = start(configuration, _tell, (lock.fileno(),))
        request.pass_to(broker)
        sys.stdout.write(welcome(users, listener, directory))
        sys.stdout.flush()
        code = broker.wait()
    if code:
        sys.stderr.write(f"error: mosquitto ended by itself with {code}\n")
    return 1 if code else 0


class _Request:
    """A request to stop, Ctrl-C or SIGTERM: passed to mosquitto, which then ends cleanly."""

    def __init__(self) -> None:
        self._asked = False
        self._broker: Broker | None = None

    def pass_to(self, broker: Broker) -> None:
        """Pass it on, also if it came before."""
        self._broker = broker
        if self._asked:
            broker.send(signal.SIGTERM)

    def __enter__(self) -> Self:
        """Listen."""
        numbers = (signal.SIGINT, signal.SIGTERM)
        self._before = {number: signal.signal(number, self._hear) for number in numbers}
        return self

    def __exit__(self, *_: object) -> None:
        """Leave signals to whoever heard them before."""
        for number, before in self._before.items():
            signal.signal(number, before)

    def _hear(self, _: int, __: FrameType | None) -> None:
        self._asked = True
        if self._broker is not None:
            self._broker.send(signal.SIGTERM)


def address(user: User, listener: Listener) -> str:
    """Return where a user connects, as `--bus` takes it."""
    host = socket.getfqdn() if listener.host in _ANY else listener.host
    place = f"[{host}]" if ":" in host else host
    scheme = "mqtts" if listener.tls else "mqtt"
    return f"{scheme}://{user.name}:{user.password}@{place}:{listener.port}"


def welcome(users: Sequence[User], listener: Listener, directory: Path) -> str:
    """Return the lines that somebody copies."""
    lines = ["The broker listens. In other terminals:"]
    for user in users:
        command = _COMMANDS.get(user.role)
        if command:
            words = ["simctl", command, "--bus", address(user, listener)]
            if listener.cafile:
                words += ["--cafile", str(listener.cafile.resolve())]
            if listener.require_certificate:
                words += ["--cert", "CERT", "--key", "KEY"]
            lines.append(f"  {shlex.join(words)}")
    lines.append(f"Passwords are in {directory / CREDENTIALS}. Ctrl-C ends the broker.")
    return "\n".join(lines) + "\n"


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")
