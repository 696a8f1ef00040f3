"""A vLLM server that this process begins, beside it, and ends.

It is a process of an environment of its own: vLLM pins a torch and a transformers that are not
those of whoever asks it, and both need nothing of each other but HTTP and files.
"""

import re
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import httpx

from simctl.agents.policy.http import EndpointError, Poster, RefusedError
from simctl.agents.policy.vllm import keeper, server
from simctl.agents.policy.vllm.launch import Launch
from simctl.agents.policy.vllm.untied import untied
from simctl.bus.ports import free_port

LOG = "vllm.log"
MAX_DEATHS = 3  # in a row, without an answer in between
_PATIENCE = 1800.0  # seconds that a server may take to load
_TOLD = 10.0  # seconds between two words about what is waited for
_LOOKED = 0.25  # seconds between two looks whether it is there
_DYING = 10.0  # seconds in which a server that cannot answer ends, if it does
_SETTING = re.compile(r"Value error, .+(?= \[type=)")  # below an error that only counts such
_ERROR = re.compile(r"\b\w+(?:Error|Exception): .+")
_NO_ERRORS = (" WARNING ", " INFO ")
T = TypeVar("T")


class Child:
    """Begins a server when it is told what to hold, and again when that has died."""

    own = True

    def __init__(self, launch: Launch, home: Path, tell: Callable[[str], None]) -> None:
        """Keep what it writes in `home`; `tell` hears, in any thread, what is waited for."""
        self._launch = launch
        self._home = home
        self._tell = tell
        self._lock = threading.RLock()
        self._keeper: subprocess.Popen[bytes] | None = None
        self._end: Callable[[], object] = lambda: None
        self._holds: tuple[Path, dict[str, Path]] | None = None  # weights, and adapters by name
        self.url = ""  # where it answers, once it does
        self._births = 0
        self._died = ""  # with what words it last did
        self._from = 0  # where in the log its words begin

    def begin(self, path: Path) -> None:
        """Begin a server with the weights in `path`, in the place of the one that there is.

        Raises:
            EndpointError: it ends before it answers.
        """
        with self._lock:
            self._holds = (path, {})
            self._begin()

    def reload(self, path: Path) -> None:
        """Let it read the weights in `path` into the place of those that it holds.

        Raises:
            EndpointError: it does not.
        """
        with self._lock:
            _, adapters = self._held()
            server.reload(self._control, self._readable(path))
            self._holds = (path, adapters)

    def adapt(self, name: str, path: Path) -> None:
        """Let it hold an adapter too.

        Raises:
            EndpointError: it does not.
        """
        with self._lock:
            server.adapt(self._control, name, path)
            self._held()[1][name] = path

    def drop(self, name: str) -> None:
        """Let it forget an adapter.

        Raises:
            EndpointError: it does not.
        """
        with self._lock:
            self._held()[1].pop(name, None)
            server.drop(self._control, name)

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return its answer to a request below /v1. A server that died over it begins again.

        Raises:
            EndpointError: it lives and does not answer, or dies again and again.
        """
        return self._revived(lambda: self._poster.post(path, body))

    def sleep(self) -> None:
        """Let it give back its GPU memory. One that died over it begins again, and sleeps then.

        Raises:
            EndpointError: it does not.
        """
        self._revived(lambda: server.sleep(self._control))

    def wake(self) -> None:
        """Let it have its memory again. One that died in its sleep begins again.

        Raises:
            EndpointError: it does not.
        """
        self._revived(lambda: server.wake(self._control))

    def _revived(self, asked: Callable[[], T]) -> T:
        """Return its answer; a server that died over it begins again, and is asked again."""
        for _ in range(MAX_DEATHS):
            born = self._births
            try:
                return asked()
            except RefusedError:
                raise
            except EndpointError as error:
                self._revive(born, error)
        raise EndpointError(f"{self._died}; it did so {MAX_DEATHS} times in a row")

    def close(self) -> None:
        """End it."""
        with self._lock:
            self._end()
            self._keeper = None

    def _begin(self) -> None:
        self.close()
        path, adapters = self._held()
        port = free_port()
        log = self._home / LOG
        words = self._launch.words(self._readable(path), port)
        with log.open("ab") as kept:
            self._from = kept.tell()
            begun = subprocess.Popen(  # noqa: S603 - the recipe names it
                [sys.executable, "-I", keeper.__file__, *words],
                stdin=subprocess.PIPE,  # whose end ends it
                stdout=kept,
                stderr=kept,
                env=self._launch.environment(),
                start_new_session=True,  # Ctrl-C is its owner's to hear
            )
        self._keeper = begun
        self._end = weakref.finalize(self, _ended, begun)
        self._births += 1
        self.url = f"http://127.0.0.1:{port}/v1"
        base = self.url.removesuffix("/v1")
        self._await(begun, base, path)
        # a server that cannot answer is seen at once: it is tried again only once
        self._poster = Poster(self.url, timeout=600.0, retries=1)
        self._control = Poster(base, timeout=600.0, retries=0)
        for name, adapter in adapters.items():
            server.adapt(self._control, name, adapter)

    def _await(self, begun: "subprocess.Popen[bytes]", base: str, path: Path) -> None:
        """Return once it answers."""
        since = told = time.monotonic()
        while True:
            try:
                code = begun.wait(_LOOKED)
            except subprocess.TimeoutExpired:
                if _answers(base):
                    return
            else:
                raise EndpointError(f"vLLM ended with code {code}: {self._last_words()}")
            now = time.monotonic()
            if now - since > _PATIENCE:
                self.close()
                raise EndpointError(f"vLLM did not answer in {_PATIENCE:g} s: see {self._log}")
            if now - told > _TOLD:
                told = now
                self._tell(f"vLLM loads {path} for {now - since:.0f} s; see {self._log}")

    def _revive(self, born: int, error: EndpointError) -> None:
        """Begin a server again that died; one request of many does it for all."""
        with self._lock:
            if self._births != born:
                return
            begun = self._keeper
            try:
                code = None if begun is None else begun.wait(_DYING)
            except subprocess.TimeoutExpired:
                code = None
            if code is None:
                raise error
            self._died = f"vLLM ended with code {code}: {self._last_words()}"
            self._tell(f"{self._died}; starting it again")
            self._begin()

    def _readable(self, path: Path) -> Path:
        """Return the policy in `path` as the server can read it again."""
        return untied(path, self._home / "vllm") if self._launch.cpu else path

    def _held(self) -> tuple[Path, dict[str, Path]]:
        if self._holds is None:
            raise ValueError("the server was never told what to hold")
        return self._holds

    @property
    def _log(self) -> Path:
        return self._home / LOG

    def _last_words(self) -> str:
        """Return the first error that it wrote since it began, and where there is more."""
        with self._log.open("rb") as kept:
            kept.seek(self._from)
            lines = kept.read().decode(errors="replace").splitlines()
        plain = [line for line in lines if not any(mark in line for mark in _NO_ERRORS)]
        found = (m[0] for each in (_SETTING, _ERROR) for m in map(each.search, plain) if m)
        words = next(found, lines[-1] if lines else "nothing")
        return f"{words} (see {self._log})"


def _answers(base: str) -> bool:
    try:
        return httpx.get(f"{base}/health", timeout=5.0).is_success
    except httpx.TransportError:
        return False


def _ended(begun: "subprocess.Popen[bytes]") -> None:
    """End a server by its keeper, and wait until it is gone."""
    if begun.stdin is not None:
        begun.stdin.close()
    try:
        begun.wait(keeper.GRACE + _DYING)
    except subprocess.TimeoutExpired:
        begun.kill()
        begun.wait()
