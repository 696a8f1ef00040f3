"""mosquitto, the program: where it is, which version, and a process of it that listens."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from threading import Thread

from simctl.cli.broker.errors import BrokerError, MosquittoMissingError

_OLDEST = (2, 0)
_LOST = 1.0  # seconds after which a signal is sent again
_HOW = (
    "install it with `apt-get install mosquitto` on Debian or Ubuntu, with `brew install "
    "mosquitto` on macOS, or as mosquitto.org says for other systems"
)


class Broker:
    """A mosquitto that listens; whatever it says goes to `tell`, a line at a time."""

    def __init__(self, process: subprocess.Popen[str], tell: Callable[[str], object]) -> None:
        self._process = process
        self._sent: signal.Signals | None = None
        self._listener = Thread(target=self._listen, args=(tell,), name="mosquitto says")
        self._listener.start()

    @property
    def pid(self) -> int:
        """Return the process's number."""
        return self._process.pid

    def send(self, number: signal.Signals) -> None:
        """Send a signal to end it; SIGTERM does so cleanly. Nothing happens when it has ended."""
        self._sent = number
        self._process.send_signal(number)

    def wait(self) -> int:
        """Return its exit code as soon as it has ended, and said all that it had to say."""
        while True:
            try:
                code = self._process.wait(_LOST)
            except subprocess.TimeoutExpired:
                # what comes between its word that it runs and its loop is lost on mosquitto
                if self._sent is not None:
                    self._process.send_signal(self._sent)
            else:
                self._listener.join()
                return code

    def _listen(self, tell: Callable[[str], object]) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as said:
            for line in said:
                tell(line.rstrip("\n"))


def find(name: str = "mosquitto") -> Path:
    """Return a program of mosquitto's.

    Raises:
        MosquittoMissingError: it is not installed; says how to install it.
    """
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    # packages put it where the PATH of most users does not look
    beside = [str(Path(folder).with_name("sbin")) for folder in folders if folder]
    found = shutil.which(name, path=os.pathsep.join(folders + beside))
    if found is None:
        raise MosquittoMissingError(f"there is no {name} on this machine: {_HOW}")
    return Path(found)


def check_version(program: Path) -> str:
    """Return the version of mosquitto.

    Raises:
        MosquittoMissingError: it is older than what the configuration is for.
    """
    said = subprocess.run(  # noqa: S603 - the program that we found
        [program, "-h"], capture_output=True, text=True, check=False
    ).stdout
    found = re.match(r"mosquitto version (\d+)\.(\d+)\S*", said)
    if found is None or (int(found[1]), int(found[2])) < _OLDEST:
        what = found[0] if found else "not a mosquitto"
        raise MosquittoMissingError(
            f"{program} is {what}, and 2.0 is the oldest that works: {_HOW}"
        )
    return found[0]


def start(
    configuration: Path,
    tell: Callable[[str], object],
    keep: tuple[int, ...] = (),
    *,
    apart: bool = False,
) -> Broker:
    """Start mosquitto, and return when it listens; `keep` are files that stay open in it.

    `apart` it does not hear Ctrl-C.

    Raises:
        MosquittoMissingError: it is not installed.
        BrokerError: it ended instead; says why.
    """
    process = subprocess.Popen(  # noqa: S603 - the program that we found
        [find(), "-c", configuration],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        pass_fds=keep,
        start_new_session=apart,
    )
    assert process.stderr is not None
    lines: list[str] = []
    try:
        for line in process.stderr:
            lines.append(line.rstrip("\n"))
            tell(lines[-1])
            if line.rstrip().endswith(" running"):
                return Broker(process, tell)
    except BaseException:
        process.kill()
        raise
    code = process.wait()
    raise BrokerError(_why(code, lines))


def _why(code: int, lines: list[str]) -> str:
    said = [line for line in lines if "Error" in line or "error" in line] or lines
    if any("Address already in use" in line for line in lines):
        port = re.search(r"listen socket on port (\d+)", "\n".join(lines))
        return f"port {port[1] if port else ''} is taken: give another --port"
    return f"mosquitto ended with {code} instead of listening: " + "; ".join(said)
