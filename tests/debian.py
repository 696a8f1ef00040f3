"""Packages of Debian and Ubuntu that tests need, installed where they are missing."""

import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

PATIENCE = 300  # seconds: another process may be installing something


def install(package: str, is_here: Callable[[], bool]) -> str:
    """Install a package that is not here, for root or with plain sudo; return why that failed."""
    if is_here():
        return ""
    # tests run in several processes, and one installs
    with (Path(tempfile.gettempdir()) / f"simctl-installs-{package}").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_here():
            return ""
        apt = _apt()
        if not apt:
            return f"{package} is missing, and there is no apt-get that may install it"
        wanted = [*apt, "install", "-y", "--no-install-recommends", package]
        said = _patiently(wanted)
        if not is_here():  # what apt knows of may be too old, or nothing
            _patiently([*apt, "update"])
            said = _patiently(wanted)
        return "" if is_here() else f"apt-get could not install {package}: {said}"


def _apt() -> list[str]:
    """Return how apt-get is called; nothing where it is not there, or may not be."""
    quiet = ["env", "DEBIAN_FRONTEND=noninteractive"]
    wait = ["apt-get", "-qq", "-o", f"DPkg::Lock::Timeout={PATIENCE}"]
    if shutil.which("apt-get") is None:
        return []
    if os.geteuid() == 0:
        return [*quiet, *wait]
    sudo = shutil.which("sudo")
    if sudo is None or _refuses([sudo, "-n", "true"]):
        return []
    return ["sudo", "-n", *quiet, *wait]


def _refuses(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode != 0


def _patiently(command: list[str]) -> str:
    """Call apt-get until no other process of it is in the way; return what it said last."""
    deadline = time.monotonic() + PATIENCE
    while True:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        said = (done.stderr or done.stdout).strip()
        if "Could not get lock" not in said or time.monotonic() > deadline:
            return said.replace("\n", "; ")
        time.sleep(1)  # nothing of another's apt-get could be waited on
