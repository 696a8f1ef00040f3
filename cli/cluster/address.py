"""A cluster's address and what a run wants of it: ray://HOST:PORT?workers=4&gpus=1."""

from collections.abc import Mapping
from typing import Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import Field, ValidationError

from simctl.bus.values import Value
from simctl.cli.errors import UserError, in_words

LOCAL = "local"
_PORT = 10001  # where a cluster's head listens for those outside, if nobody says otherwise


class ClusterError(UserError):
    """A cluster cannot be reached, or is not what a run needs."""


class Cluster(Value):
    """Where Ray is, and what it is asked for. None of it changes what a run learns."""

    host: str = Field(description="The machine of the cluster's head; `local`: one begun here")
    port: int = Field(default=_PORT, ge=1, le=65535, description="Where its Ray Client server is")
    workers: int = Field(default=2, ge=1, le=10_000, description="Workers that play roles")
    cpus: float = Field(default=1, ge=0, description="CPUs of each worker, and of the trainer")
    gpus: float = Field(
        default=0, ge=0, description="GPUs of each worker; a part of one is allowed"
    )
    trainer_gpus: float = Field(default=0, ge=0, description="GPUs of the trainer")

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read `ray://HOST[:PORT]` or `ray://local`, with settings after a question mark.

        Raises:
            ClusterError: it is something else.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
            query = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        except ValueError as error:
            raise ClusterError(f"--cluster {url} is no cluster's address: {error}") from error
        if parts.scheme != "ray" or not parts.hostname or parts.path not in ("", "/"):
            raise ClusterError(
                f"--cluster {url} is no cluster's address: write ray://HOST:{_PORT}, or "
                "ray://local for one on this machine"
            )
        return cls._checked(url, parts.hostname, port, dict(query))

    @classmethod
    def _checked(cls, url: str, host: str, port: int | None, wanted: Mapping[str, str]) -> Self:
        known = [name for name in cls.model_fields if name not in ("host", "port")]
        unknown = [name for name in wanted if name not in known]
        if unknown:
            raise ClusterError(
                f"--cluster {url}: {unknown[0]!r} is no setting; there are {in_words(known)}"
            )
        try:
            return cls.model_validate({"host": host, "port": port or _PORT, **wanted})
        except ValidationError as error:
            [wrong, *_] = error.errors()
            raise ClusterError(
                f"--cluster {url}: {wrong['loc'][0]}={wrong['input']}: {wrong['msg']}"
            ) from error

    @property
    def is_local(self) -> bool:
        """Whether it is begun on this machine, and ends with the run."""
        return self.host == LOCAL

    @property
    def wanted(self) -> dict[str, float]:
        """Return all that is asked for, by Ray's names of resources."""
        return {
            "CPU": (self.workers + 1) * self.cpus,
            "GPU": self.workers * self.gpus + self.trainer_gpus,
        }

    def __str__(self) -> str:
        """Return the address without the settings."""
        return f"ray://{LOCAL}" if self.is_local else f"ray://{self.host}:{self.port}"
