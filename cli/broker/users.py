"""Users of a broker: who may say and hear what, and passwords that are made once and kept."""

import os
import re
import secrets
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, get_args

from pydantic import ValidationError

from simctl.bus.values import Value
from simctl.cli.broker.errors import BrokerError
from simctl.cli.errors import in_words

Role = Literal["owner", "worker", "reader"]
_ROLES: dict[str, Role] = {role: role for role in get_args(Role)}

CREDENTIALS = "credentials.toml"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")  # mosquitto's files cannot quote
_HEADER = """\
# The users of this broker. Whoever has an owner's password can write what a run says: keep it safe.
# A user whose table is taken out loses access at the next start; the three first are made again.
"""
_GRANTS: dict[Role, tuple[str, ...]] = {
    # $SYS tells what the broker dropped
    "owner": (
        "read simctl/+/in/+",
        "readwrite simctl/+/run",
        "write simctl/+/log",
        "write simctl/+/to/+",
        "read $SYS/#",
    ),
    "worker": ("read simctl/+/run", "read simctl/+/log"),
    # denied comes first: the patterns are everybody's
    "reader": (
        "read simctl/+/run",
        "read simctl/+/log",
        "deny simctl/+/in/#",
        "deny simctl/+/to/#",
    ),
}
_PATTERNS = """\
# A client speaks and hears under its own client id (%c), whatever it publishes or subscribes to.
pattern write simctl/+/in/%c
pattern read simctl/+/to/%c
"""


class User(Value):
    """Somebody who may connect."""

    name: str
    role: Role
    password: str


def parse(text: str) -> tuple[str, Role]:
    """Read NAME:ROLE.

    Raises:
        BrokerError: it is something else.
    """
    name, _, role = text.partition(":")
    found = _ROLES.get(role)
    if found is None or not _NAME.fullmatch(name):
        raise BrokerError(
            f"--user {text} is no NAME:ROLE; a name has letters, digits, dots, dashes and "
            f"underscores, and a role is {in_words(list(_ROLES))}"
        )
    return name, found


def keep(directory: Path, wanted: Iterable[tuple[str, Role]] = ()) -> list[User]:
    """Return all users of a broker: a first one of each role, those kept, and those wanted.

    A new one gets a password. All are kept in a file that only its owner can read.

    Raises:
        BrokerError: the file cannot be read, or a user has another role already.
    """
    path = directory / CREDENTIALS
    known = {user.name: user for user in _read(path)}
    for name, role in (*_ROLES.items(), *wanted):
        user = known.setdefault(
            name, User(name=name, role=role, password=secrets.token_urlsafe(24))
        )
        if user.role != role:
            raise BrokerError(f"{name} is a {user.role} in {path}, and cannot be a {role} too")
    users = list(known.values())
    write_private(path, _HEADER + "".join(map(_table, users)))
    return users


def acl(users: Iterable[User]) -> str:
    """Return mosquitto's access list: what each user may publish and receive."""
    lines: list[str] = []
    for user in users:
        lines += [f"# {user.role}", f"user {user.name}"]
        lines += [f"topic {grant}" for grant in _GRANTS[user.role]]
        lines.append("")
    return "\n".join(lines) + "\n" + _PATTERNS


def write_private(path: Path, text: str) -> None:
    """Replace a file by one that was never readable for others."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    new.replace(path)


def _read(path: Path) -> list[User]:
    if not path.exists():
        return []
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        users = [User(name=name, **table) for name, table in tables.items()]
    except (OSError, ValueError, TypeError, ValidationError) as error:
        raise BrokerError(f"{path} has no users that can be read: {error}") from error
    for user in users:
        if not _NAME.fullmatch(user.name) or not _NAME.fullmatch(f"_{user.password}"):
            raise BrokerError(
                f"{path}: {user.name!r} has a name or a password with other characters than "
                "letters, digits, dots, dashes and underscores"
            )
    return users


def _table(user: User) -> str:
    name = user.name if "." not in user.name else f'"{user.name}"'
    return f'\n[{name}]\nrole = "{user.role}"\npassword = "{user.password}"\n'
