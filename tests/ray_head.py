"""A Ray cluster of one machine, as somebody else keeps it: a run only comes to it."""

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from live import wait_for

from simctl.bus.ports import free_port

RAY = Path(sys.executable).with_name("ray")
STORE = 80_000_000  # bytes


@dataclass(frozen=True)
class Head:
    """Where the cluster is, and the environment of those who may come to it."""

    url: str
    environment: dict[str, str]


@contextmanager
def head(inherited: Mapping[str, str] = os.environ, cpus: int = 4) -> Generator[Head]:
    """Keep a cluster: `ray start --head`, without what nobody looks at."""
    place = tempfile.mkdtemp(prefix="simctl-ray-")  # a short name: Ray's sockets lie in it
    port = free_port()
    environment = {
        **inherited,
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_CLIENT_SERVER_CHECK_CHANNEL_TIMEOUT_S": "240",  # or a busy machine is too slow
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_worker_niceness": "0",  # on a busy machine its processes would come last
    }
    words = f"--head --block --port=0 --num-cpus={cpus} --include-dashboard=false"
    words += f" --object-store-memory={STORE} --ray-client-server-port={port} --temp-dir={place}"
    # not those of Ray's own choice, or one may be taken already
    words += " --node-ip-address=127.0.0.1 --min-worker-port=0 --max-worker-port=0"
    words += f" --dashboard-agent-listen-port={free_port()}"
    said = Path(place) / "said"
    try:
        with (
            said.open("w") as out,
            subprocess.Popen(
                [RAY, "start", *words.split()], env=environment, stdout=out, stderr=out
            ) as ray,
        ):
            try:
                wait_for(
                    lambda: "Ray runtime started" in said.read_text() or ray.poll() is not None
                )
                assert ray.poll() is None, said.read_text()
                yield Head(f"ray://127.0.0.1:{port}", environment)
            finally:
                ray.terminate()  # it ends what it began
    finally:
        shutil.rmtree(place, ignore_errors=True)
