"""A broker's address, as users of MQTT write it: mqtt://user:password@host:port."""

import os
import re
import ssl
from typing import Self
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr

from simctl.bus.values import Value

PASSWORD = "SIMCTL_MQTT_PASSWORD"  # noqa: S105 - the name of the variable that has it
_CLIENT = re.compile(r"[A-Za-z0-9._-]{1,64}")
_PORTS = {"mqtt": 1883, "mqtts": 8883}


class AddressError(ValueError):
    """Something that is no broker's address was given as one."""


class Broker(Value):
    """Where a broker is, and who we are to it."""

    host: str
    port: int = Field(ge=1, le=65535)
    username: str | None = None
    password: SecretStr | None = None
    tls: bool = False
    cafile: str | None = None
    cert: str | None = None
    key: str | None = None

    @classmethod
    def parse(
        cls, url: str, *, cafile: str | None = None, cert: str | None = None, key: str | None = None
    ) -> Self:
        """Read `mqtt://[user[:password]@]host[:port]`, or `mqtts://` for TLS.

        A password that is not in it comes from the environment variable SIMCTL_MQTT_PASSWORD.

        Raises:
            AddressError: it is something else, or a file for TLS was given without TLS.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise AddressError(f"{_safe(url)} is no broker's address: {error}") from error
        if parts.scheme not in _PORTS or not parts.hostname or parts.path not in ("", "/"):
            raise AddressError(
                f"{_safe(url)} is no broker's address: write mqtt://user@host:port, or mqtts:// "
                "for TLS"
            )
        tls = parts.scheme == "mqtts"
        if not tls and (cafile or cert or key):
            raise AddressError(
                f"certificates are for TLS: write mqtts:// instead of {parts.scheme}://"
            )
        if bool(cert) != bool(key):
            raise AddressError("a client's certificate needs its key, and a key its certificate")
        given = unquote(parts.password) if parts.password else os.environ.get(PASSWORD)
        return cls(
            host=parts.hostname,
            port=_PORTS[parts.scheme] if port is None else port,
            username=unquote(parts.username) if parts.username else None,
            password=SecretStr(given) if given and parts.username else None,
            tls=tls,
            cafile=cafile,
            cert=cert,
            key=key,
        )

    def __str__(self) -> str:
        """Return the address without the password."""
        user = f"{self.username}@" if self.username else ""
        return f"{'mqtts' if self.tls else 'mqtt'}://{user}{self.host}:{self.port}"

    def tls_context(self) -> ssl.SSLContext | None:
        """Return what TLS needs, or nothing without TLS.

        Raises:
            AddressError: a certificate or key cannot be read.
        """
        if not self.tls:
            return None
        try:
            context = ssl.create_default_context(cafile=self.cafile)
            if self.cert:
                context.load_cert_chain(self.cert, self.key)
        except OSError as error:  # what ssl raises is one, too
            files = ", ".join(each for each in (self.cafile, self.cert, self.key) if each)
            raise AddressError(f"the certificates {files} cannot be used: {error}") from error
        return context


def is_client(name: str) -> bool:
    """Tell whether a client can have this name: it is part of a topic."""
    return _CLIENT.fullmatch(name) is not None


def _safe(url: str) -> str:
    """Return what was given for an address, without what may be a password."""
    return repr(url.rpartition("@")[2])
