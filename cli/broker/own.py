"""A broker of a run's own, for processes of this machine, which ends whenever the run does."""

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from simctl.bus import broker as bus
from simctl.bus.ports import free_port
from simctl.cli.broker.configuration import Listener
from simctl.cli.broker.directory import enter, furnish
from simctl.cli.broker.errors import BrokerError
from simctl.cli.broker.host import address
from simctl.cli.broker.program import Broker, check_version, find, start
from simctl.cli.broker.users import User, keep

_TRIES = 10  # that a port was free, and somebody was quicker
_LEASH = 'cat >/dev/null; kill "$1"'  # what it reads ends with this process, also by kill -9


@dataclass(frozen=True)
class Own:
    """Where a run's owner and its workers connect."""

    owner: bus.Broker
    worker: bus.Broker


@contextmanager
def own() -> Generator[Own]:
    """Run a broker that nobody else knows.

    Raises:
        BrokerError: it cannot be started.
        MosquittoMissingError: mosquitto is not installed.
    """
    check_version(find())
    # mosquitto, when root starts it, becomes another and must come there
    place = Path(tempfile.mkdtemp(prefix="simctl-broker-"))
    try:
        with enter(place) as lock:
            users = keep(place)
            broker, listener = _start(place, users, lock.fileno())
            with _leashed(broker):
                found = {u.role: bus.Broker.parse(address(u, listener)) for u in users}
                yield Own(found["owner"], found["worker"])
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _start(place: Path, users: list[User], lock: int) -> tuple[Broker, Listener]:
    for tries in range(_TRIES):
        listener = Listener(port=free_port())
        try:
            configuration = furnish(place, users, listener)
            return start(configuration, lambda _: None, (lock,), apart=True), listener
        except BrokerError as error:
            if "is taken" not in str(error) or tries == _TRIES - 1:
                raise
    raise AssertionError


@contextmanager
def _leashed(broker: Broker) -> Generator[None]:
    leash = subprocess.Popen(  # noqa: S603 - a program of every system
        ["/bin/sh", "-c", _LEASH, "sh", str(broker.pid)],
        stdin=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is the owner's to hear
    )
    try:
        yield
    finally:
        leash.kill()
        leash.communicate()
        broker.send(signal.SIGTERM)
        broker.wait()
