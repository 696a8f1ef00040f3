"""The connection to a cluster: Ray, begun on this machine or reached through its Ray Client."""

import logging
import math
import os
import shutil
import socket
import tempfile
import warnings
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import ray
from ray._private import worker as driver

from simctl.cli.cluster.address import Cluster, ClusterError

_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is sent anywhere
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_worker_niceness": "0",  # on a busy machine they would come last
    "RAY_CLIENT_RECONNECT_GRACE_PERIOD": "10",
}
_PATIENCE = 5.0  # seconds
_TOKEN = Path.home() / ".ray" / "auth_token"  # where Ray keeps what it made itself
_STORE = 80 << 20  # bytes for Ray's objects: weights and events travel elsewhere


@contextmanager
def connected(cluster: Cluster) -> Generator[None]:
    """Be one of a cluster's users; what was begun there ends with it.

    Raises:
        ClusterError: it cannot be reached, or has another version of Ray or Python.
    """
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    with ExitStack() as stack:
        try:
            if cluster.is_local:
                _begin(cluster, stack)
            else:
                _reach(cluster)
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            [said, *_] = str(error).splitlines() or [type(error).__name__]
            raise ClusterError(
                f"{cluster} cannot be used: {said}. Does its Ray Client server listen there, with "
                "the version of Ray and Python that is here, and RAY_AUTH_TOKEN if it wants one?"
            ) from error
        finally:
            stack.callback(ray.shutdown)
        yield


def _begin(cluster: Cluster, stack: ExitStack) -> None:
    # a short name: Ray's sockets lie in it
    place = tempfile.mkdtemp(prefix="simctl-ray-")
    stack.callback(shutil.rmtree, place, ignore_errors=True)
    ray.init(
        address="local",
        num_cpus=math.ceil(cluster.wanted["CPU"]),
        include_dashboard=False,
        object_store_memory=_STORE,
        log_to_driver=False,
        logging_level=logging.ERROR,
        _temp_dir=place,
    )
    # what dies is told in the run's words; Ray would tell it in the middle of the run's picture
    driver._worker_logs_enabled = False  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]


def _reach(cluster: Cluster) -> None:
    # Ray would try for half a minute
    socket.create_connection((cluster.host, cluster.port), timeout=_PATIENCE).close()
    if os.environ.get("RAY_AUTH_TOKEN") or os.environ.get("RAY_AUTH_TOKEN_PATH") or _TOKEN.exists():
        os.environ.setdefault("RAY_AUTH_MODE", "token")  # its client does not think of it
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the error that follows says the same
        ray.init(str(cluster), log_to_driver=False, logging_level=logging.ERROR)


def nodes() -> list[dict[str, Any]]:
    """Return the machines of the cluster, as Ray tells of them."""
    found: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    return [each for each in found if each["Alive"]]


def is_here(node: dict[str, Any]) -> bool:
    """Tell whether a machine of the cluster is this one: its address is an address of ours."""
    address = node["NodeManagerAddress"]
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True
