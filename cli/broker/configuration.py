"""The configuration of mosquitto: what it listens on, and the settings of a safe broker."""

import ipaddress
import os
import ssl
from pathlib import Path

from pydantic import Field

from simctl.bus.values import Value
from simctl.cli.broker.errors import BrokerError

CONFIGURATION = "mosquitto.conf"

_TEXT = """\
# Made by `simctl broker`, which writes it anew at each start. Checked against mosquitto 2.0.11.

{listener}

# Everybody has a name and a password, and says and hears only what acl grants.
allow_anonymous false
password_file {directory}/passwords
acl_file {directory}/acl

# Sessions and the run's retained announcement outlive a clean restart, and are at most a minute old
# after another. What was in flight may be lost then: who sent it keeps it until it is committed,
# and sends it again. A snapshot after each change would leave less than a tenth of the speed.
persistence true
persistence_location {directory}/state
autosave_on_changes false
autosave_interval 60
# for whoever finds the broker live and not its terminal
pid_file {directory}/state/pid
# A session that nobody came back to for a week is somebody who left.
persistent_client_expiration 7d

# The round trip at QoS 1 is 88 ms without it.
set_tcp_nodelay true
# How much may be under way to a client; one that wants less says so with its receive maximum.
max_inflight_messages 200
# A queue is bounded by its bytes. What does not fit is dropped and counted in
# $SYS/broker/publish/messages/dropped, and is asked for again. 0 messages would be no bound, but
# stopped delivery in 2.0.16: hence a number that the bytes never let it reach.
max_queued_messages 1000000
max_queued_bytes {queued}
# Larger payloads travel by their hash. A client that sends a larger packet is disconnected.
max_packet_size 1500000
sys_interval {sys_interval}

log_dest stderr
log_type error
log_type warning
log_type notice
log_type information
log_timestamp_format %Y-%m-%dT%H:%M:%S
{user}"""


class Listener(Value):
    """Where a broker listens, and its certificates if it speaks TLS."""

    host: str = "127.0.0.1"
    port: int = Field(default=1883, ge=1, le=65535)
    cert: Path | None = None
    key: Path | None = None
    cafile: Path | None = None
    require_certificate: bool = False

    @property
    def tls(self) -> bool:
        """Whether it speaks TLS."""
        return self.cert is not None

    def check(self) -> None:
        """Refuse what would not work, or would not be safe.

        Raises:
            BrokerError: says which option, and what to do.
        """
        if (self.cert is None) != (self.key is None):
            raise BrokerError("--cert and --key go together: a certificate and its private key")
        if not self.tls and (self.cafile or self.require_certificate):
            raise BrokerError(
                "--cafile and --require-certificate are for TLS: give --cert and --key"
            )
        if self.require_certificate and self.cafile is None:
            raise BrokerError(
                "--require-certificate needs --cafile: the CA that signed the clients' certificates"
            )
        if not self.tls and not _is_loopback(self.host):
            raise BrokerError(
                f"--host {self.host} can be reached from other machines, and passwords would cross "
                "the network in the clear: give --cert and --key, or listen on 127.0.0.1"
            )
        if self.cert is not None and self.key is not None:
            _check_certificate(self.cert, self.key, self.cafile)

    def text(self) -> str:
        """Return its lines of the configuration."""
        lines = [f"listener {self.port} {self.host}"]
        if self.cert is not None and self.key is not None:
            lines += [f"certfile {self.cert.resolve()}", f"keyfile {self.key.resolve()}"]
            lines.append("tls_version tlsv1.2")
            if self.cafile is not None:
                lines.append(f"cafile {self.cafile.resolve()}")
            lines.append(f"require_certificate {str(self.require_certificate).lower()}")
        return "\n".join(lines)


class Limits(Value):
    """What a test of a broker wants smaller than a user does."""

    queued: int = Field(default=64 << 20, ge=1, description="Bytes that wait for one client")
    sys_interval: int = Field(default=10, ge=1, description="Seconds between counts in $SYS")


def configure(directory: Path, listener: Listener, limits: Limits, user: str | None) -> str:
    """Return the text of a configuration; `user` is whom mosquitto becomes when root starts it."""
    text = f"\n# Root starts it, and it gives root's rights up.\nuser {user}\n" if user else ""
    return _TEXT.format(
        directory=directory.resolve(), listener=listener.text(), user=text, **dict(limits)
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_certificate(cert: Path, key: Path, cafile: Path | None) -> None:
    for option, path in (("--cert", cert), ("--key", key), ("--cafile", cafile)):
        if path is not None and not os.access(path, os.R_OK):
            raise BrokerError(f"{option} {path} cannot be read")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # the empty password, or a protected key would ask whoever sits there
        context.load_cert_chain(cert, key, password="")
    except (ssl.SSLError, ValueError) as error:
        raise BrokerError(
            f"--cert {cert} and --key {key} are no certificate and its private key without a "
            f"password, in PEM: {error}"
        ) from error
    try:
        context.load_verify_locations(cafile) if cafile else None
    except ssl.SSLError as error:
        raise BrokerError(f"--cafile {cafile} has no certificates in PEM: {error}") from error
