"""A broker's directory: credentials, what mosquitto reads, its state, and a lock."""

import fcntl
import os
import pwd
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from simctl.cli.broker.configuration import CONFIGURATION, Limits, Listener, configure
from simctl.cli.broker.errors import BrokerError
from simctl.cli.broker.program import find
from simctl.cli.broker.users import CREDENTIALS, User, acl, write_private

STATE, LOCK = "state", "lock"
_OURS = {CREDENTIALS, CONFIGURATION, STATE, LOCK, "passwords", "acl"}


def enter(directory: Path) -> IO[str]:
    """Make a broker's directory if it is not there, and return the lock on it.

    Raises:
        BrokerError: it is no broker's, a broker is live in it, or it cannot be written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        strange = sorted({path.name for path in directory.iterdir()} - _OURS)
        if strange and not (directory / CREDENTIALS).exists():
            raise BrokerError(
                f"--dir {directory} is no broker's directory: it has {strange[0]} in it; give one "
                "that is empty or not there"
            )
        # others may pass through as root, because mosquitto is another then
        directory.chmod(0o711 if os.geteuid() == 0 else 0o700)
        lock = (directory / LOCK).open("a")
    except OSError as error:
        raise BrokerError(f"--dir {directory} cannot be used: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        pid = directory / STATE / "pid"
        process = pid.read_text().strip() if pid.exists() else "of another terminal"
        raise BrokerError(
            f"a broker is live in {directory}, process {process}; stop it with Ctrl-C or `kill`, "
            "or give another --dir and --port"
        ) from None
    return lock


def furnish(
    directory: Path, users: Iterable[User], listener: Listener, limits: Limits | None = None
) -> Path:
    """Write what mosquitto reads, and return its configuration file.

    Raises:
        BrokerError: whom mosquitto becomes as root cannot come there, or read the certificates.
    """
    users = list(users)
    (directory / STATE).mkdir(mode=0o700, exist_ok=True)
    # hashed where it lies: a password on a command line can be read by everybody
    passwords = directory / "passwords"
    write_private(passwords, "".join(f"{user.name}:{user.password}\n" for user in users))
    subprocess.run(  # noqa: S603 - the program that we found
        [find("mosquitto_passwd"), "-U", passwords], check=True, capture_output=True
    )
    write_private(directory / "acl", acl(users))
    host = _host() if os.geteuid() == 0 else None
    text = configure(directory, listener, limits or Limits(), host.pw_name if host else None)
    write_private(directory / CONFIGURATION, text)
    if host is not None:
        _hand_over(directory, listener, host)
    return directory / CONFIGURATION


def _host() -> pwd.struct_passwd:
    """Whom mosquitto becomes when root starts it."""
    try:
        return pwd.getpwnam("mosquitto")
    except KeyError:
        return pwd.getpwnam("nobody")


def _hand_over(directory: Path, listener: Listener, host: pwd.struct_passwd) -> None:
    state = directory / STATE
    for ours in (
        directory / CONFIGURATION, directory / "passwords", directory / "acl", state,
        *state.iterdir(),
    ):  # fmt: skip
        os.chown(ours, host.pw_uid, host.pw_gid)
    if not _may_read(directory / CONFIGURATION, host):
        raise BrokerError(
            f"--dir {directory.resolve()} lies where only root may go, and mosquitto becomes "
            f"{host.pw_name}: give a directory elsewhere, such as --dir /var/lib/simctl-broker"
        )
    for option, path in (
        ("--cert", listener.cert), ("--key", listener.key), ("--cafile", listener.cafile)
    ):  # fmt: skip
        if path is not None and not _may_read(path.resolve(), host):
            raise BrokerError(
                f"{option} {path} cannot be read by {host.pw_name}, whom mosquitto becomes: "
                f"give it a copy that belongs to {host.pw_name}"
            )


def _may_read(path: Path, host: pwd.struct_passwd) -> bool:
    asked = subprocess.run(  # noqa: S603 - a program of every system
        ["/usr/bin/env", "test", "-r", path],
        user=host.pw_uid,
        group=host.pw_gid,
        extra_groups=os.getgrouplist(host.pw_name, host.pw_gid),
        check=False,
    )
    return asked.returncode == 0
