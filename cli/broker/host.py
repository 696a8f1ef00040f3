"""What `simctl broker` does: it starts mosquitto, says how to reach it, and ends with it."""

import shlex
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

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
    with enter(directory) as lock:
        users = keep(directory, extra)
        configuration = furnish(directory, users, listener)
        # mosquitto holds the lock as well: it may outlive us
        broker = start(configuration, _tell, (lock.fileno(),))
        sys.stdout.write(welcome(users, listener, directory))
        sys.stdout.flush()
        return _attend(broker)


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


def _attend(broker: Broker) -> int:
    """Pass a request to stop on; return 0 if mosquitto ended well."""

    def stop(_: int, __: FrameType | None) -> None:
        broker.send(signal.SIGTERM)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        code = broker.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if code:
        sys.stderr.write(f"error: mosquitto ended by itself with {code}\n")
    return 1 if code else 0


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")
