"""A real mosquitto, as tests start, kill and restart it; `--install` installs a missing one."""

import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import aiomqtt
import debian
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from simctl.bus.ports import free_port
from simctl.cli.broker.configuration import Limits, Listener
from simctl.cli.broker.directory import enter, furnish
from simctl.cli.broker.errors import BrokerError, MosquittoMissingError
from simctl.cli.broker.host import address
from simctl.cli.broker.program import Broker, find, start
from simctl.cli.broker.users import Role, User, keep

PORT_TRIES = 20
NODELAY = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class Mosquitto:
    """A broker on a free port of this machine, with the configuration of `simctl broker`.

    It is started by `with`. Its port, users and directory stay the same over kills and restarts.

    Args:
        users: further users, beside `owner`, `worker` and `reader`.
        queued: bytes that wait for one client before the broker drops.
        sys_interval: seconds between the counts that `dropped` and `count` read.
    """

    def __init__(
        self,
        users: Sequence[tuple[str, Role]] = (),
        *,
        queued: int = 64 << 20,
        sys_interval: int = 1,
    ) -> None:
        install()
        # not pytest's directory: mosquitto, when root starts it, is another and may not go there
        self._keeper = tempfile.TemporaryDirectory(prefix="simctl-broker-")
        self.directory = Path(self._keeper.name)
        self.host, self.port = "127.0.0.1", 0
        self.log: list[str] = []
        self._wanted, self._limits = users, Limits(queued=queued, sys_interval=sys_interval)
        self._broker: Broker | None = None
        self.users: dict[str, User] = {}

    @property
    def pid(self) -> int:
        """The process that listens now."""
        assert self._broker is not None, "it does not run"
        return self._broker.pid

    def start(self) -> None:
        """Start it, at first on a port that is free, then on the same; return when it listens."""
        for tries in range(PORT_TRIES):
            port = self.port or free_port()
            try:
                self._start(port)
            except BrokerError as error:
                if self.port or "is taken" not in str(error) or tries == PORT_TRIES - 1:
                    raise
            else:
                self.port = port
                return

    def kill(self) -> None:
        """kill -9: nothing is written any more."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it cleanly: sessions, queues and retained messages are written."""
        self._end(signal.SIGTERM)

    def pause(self) -> None:
        """Stop it where it is: connections stay, and nothing is answered."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after `pause`."""
        os.kill(self.pid, signal.SIGCONT)

    def url(self, user: str = "owner", port: int | None = None) -> str:
        """Return what `--bus` takes; with the port of a proxy, through the proxy."""
        return address(self.users[user], Listener(host=self.host, port=port or self.port))

    def client(
        self, user: str, identifier: str, port: int | None = None, *, session: int = 0
    ) -> aiomqtt.Client:
        """Return a raw client, which `async with` connects.

        With `session` its subscriptions and queue are kept for so many seconds after it left.
        """
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = session
        return aiomqtt.Client(
            self.host,
            port or self.port,
            username=user,
            password=self.users[user].password,
            identifier=identifier,
            protocol=aiomqtt.ProtocolVersion.V5,
            socket_options=[NODELAY],
            clean_start=not session,
            properties=properties,
        )

    async def count(self, name: str, at_least: int = 0) -> int:
        """Return a number of `$SYS/broker/`, as soon as it is so large; it may be a second old."""
        async with self.client("owner", f"count-{time.monotonic_ns()}") as client:
            await client.subscribe(f"$SYS/broker/{name}")
            async for message in client.messages:
                if (found := int(bytes(message.payload))) >= at_least:  # type: ignore[arg-type]
                    return found
        raise AssertionError(name)

    async def dropped(self, at_least: int = 0) -> int:
        """Return how many messages the broker dropped since it started, once so many are told."""
        return await self.count("publish/messages/dropped", at_least)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._broker is not None:
            self.kill()
        self._keeper.cleanup()

    def _start(self, port: int) -> None:
        with enter(self.directory) as lock:
            users = keep(self.directory, self._wanted)
            listener = Listener(host=self.host, port=port)
            configuration = furnish(self.directory, users, listener, self._limits)
            self._broker = start(configuration, self.log.append, (lock.fileno(),))
            self.users = {user.name: user for user in users}

    def _end(self, number: signal.Signals) -> None:
        assert self._broker is not None, "it does not run"
        self._broker.send(number)
        self._broker.wait()
        self._broker = None


@contextmanager
def nobody() -> Iterator[int]:
    """Give a port that nobody listens on, and nobody can take."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield int(taken.getsockname()[1])


def install() -> None:
    """Install mosquitto where it is missing: on Debian and Ubuntu, for root or with plain sudo.

    Raises:
        MosquittoMissingError: it is missing, and cannot be installed so.
    """
    reason = debian.install("mosquitto", _is_here)
    if reason:
        find()  # says how it is installed elsewhere
        raise MosquittoMissingError(reason)


def _is_here() -> bool:
    try:
        find(), find("mosquitto_passwd")
    except MosquittoMissingError:
        return False
    return True


if __name__ == "__main__":
    assert sys.argv[1:] == ["--install"], "usage: mosquitto.py --install"
    try:
        install()
    except MosquittoMissingError as missing:
        sys.exit(f"the tests need a broker, and {missing}")
