"""A request to stop: Ctrl-C or SIGTERM, heard from the first moment and obeyed where it is safe."""

import asyncio
import signal
from collections.abc import Callable
from types import FrameType
from typing import Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """Hears a request while it is entered, in the main thread; a second one ends the process."""

    def __init__(self) -> None:
        self._asked = False
        self._wake: Callable[[], object] = lambda: None

    async def wait(self) -> None:
        """Return as soon as somebody has asked."""
        loop, asked = asyncio.get_running_loop(), asyncio.Event()
        self._wake = lambda: loop.call_soon_threadsafe(asked.set)
        if not self._asked:  # it may have come while there was no loop yet
            await asked.wait()

    def __enter__(self) -> Self:
        """Listen."""
        self._before = {number: signal.signal(number, self._hear) for number in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        """Leave signals to whoever heard them before."""
        for number, before in self._before.items():
            signal.signal(number, before)

    def _hear(self, number: int, _: FrameType | None) -> None:
        self._asked = True
        signal.signal(number, self._before[signal.Signals(number)])
        self._wake()
