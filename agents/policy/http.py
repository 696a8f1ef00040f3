"""Posts JSON to an endpoint that may be busy: in time, not too often, and again if that helps."""

import threading
import time
import weakref
from collections.abc import Callable, Mapping
from typing import Any

import httpx

_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
_FIRST, _LONGEST = 0.5, 30.0  # seconds of the first pause, and of the longest
_QUOTED = 300  # characters of an error that are told


class EndpointError(OSError):
    """An endpoint does not answer, or not with what is needed."""


class RefusedError(EndpointError):
    """An endpoint refuses a request, and would refuse it again."""


class Pace:
    """Gives requests their turns, so many a minute. For any number of threads."""

    def __init__(self, per_minute: float | None, clock: Callable[[], float]) -> None:
        """Without a number, every turn is at once."""
        self._apart = 60.0 / per_minute if per_minute else 0.0
        self._clock = clock
        self._next = clock()
        self._lock = threading.Lock()

    def turn(self) -> float:
        """Take the next turn, and return the seconds until it comes."""
        with self._lock:
            at = max(self._next, self._clock())
            self._next = at + self._apart
            return at - self._clock()


class Poster:
    """A connection to one endpoint. For any number of threads."""

    def __init__(  # noqa: PLR0913 - what a recipe says, and the clock
        self,
        base_url: str,
        key: str = "",
        *,
        timeout: float = 120.0,
        retries: int = 5,
        per_minute: float | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Post to paths below `base_url`; pauses between tries double from half a second."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx.Client(base_url=base_url, headers=headers, timeout=timeout)
        weakref.finalize(self, self._client.close)
        self._retries = retries
        self._pace = Pace(per_minute, clock)
        self._sleep = sleep

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer, an object.

        Raises:
            EndpointError: there is none, however often it is tried, or it is an error.
            RefusedError: it is an error that stays one.
        """
        return _object(self.send(path, body))

    def get(self, path: str) -> dict[str, Any]:
        """Return what is there, an object.

        Raises:
            EndpointError: there is nothing, however often it is tried, or an error.
            RefusedError: it is an error that stays one.
        """
        return _object(self._tried("GET", path, None))

    def send(self, path: str, body: Mapping[str, Any]) -> httpx.Response:
        """Return the answer, whatever it is of.

        Raises:
            EndpointError: there is none, however often it is tried, or it is an error.
            RefusedError: it is an error that stays one.
        """
        return self._tried("POST", path, dict(body))

    def _tried(self, method: str, path: str, body: dict[str, Any] | None) -> httpx.Response:
        told = ""
        for tried in range(self._retries + 1):
            self._sleep(max(self._pace.turn(), 0.0))
            pause = min(_FIRST * 2**tried, _LONGEST)
            try:
                answer = self._client.request(method, path, json=body)
            except httpx.TransportError as error:
                told = f"{type(error).__name__}: {error}"
            else:
                if answer.is_success:
                    return answer
                told = f"{answer.status_code}: {answer.text[:_QUOTED]}"
                if answer.status_code not in _AGAIN:
                    raise RefusedError(self._said(path, told))
                pause = _asked(answer.headers.get("retry-after"), pause)
            if tried < self._retries:
                self._sleep(pause)
        raise EndpointError(self._said(path, told))

    def _said(self, path: str, told: str) -> str:
        return f"{str(self._client.base_url).rstrip('/')}/{path.lstrip('/')} says {told}"


def _asked(retry_after: str | None, otherwise: float) -> float:
    """Return the pause that an endpoint asks for, in seconds, if it is one to wait for."""
    try:
        return min(max(float(retry_after or ""), 0.0), 2 * _LONGEST)
    except ValueError:  # none, or a date
        return otherwise


def _object(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError as error:
        raise EndpointError(f"{answer.url} answers with what is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise EndpointError(f"{answer.url} answers with no object: {answer.text[:_QUOTED]}")
    return found
