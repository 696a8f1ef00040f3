"""The feed: the log as a listener far away hears it. What did not arrive is noticed and wanted."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable

from simctl.bus.event import Event

CAPACITY = 4096  # events that may wait to be heard; what does not fit is asked for later
_AGAIN = 1.0  # seconds after which a gap is asked about once more


class Feed:
    """A place in the log, and what has come of the log after it, in whatever order."""

    def __init__(self, position: int, want: Callable[[int], None]) -> None:
        """Hear what follows `position`; `want` asks for the events after a seq."""
        self._position = position
        self._known = position  # the last seq that the log is known to have
        self._want = want
        self._waiting: dict[int, Event] = {}
        self._news = asyncio.Event()

    def take(self, events: Iterable[Event]) -> None:
        """Take what arrived; what was heard already, or does not fit, is left out."""
        for event in events:
            self._known = max(self._known, event.seq)
            if self._position < event.seq <= self._position + CAPACITY:
                self._waiting[event.seq] = event
        self._news.set()

    def know(self, seq: int) -> None:
        """Hear that the log has events up to `seq`."""
        self._known = max(self._known, seq)
        self._news.set()

    async def hear(self) -> AsyncIterator[Event]:
        """Give every event once, in the order of the log, for ever."""
        asked = -1
        while True:
            event = self._waiting.pop(self._position + 1, None)
            if event is not None:
                self._position = event.seq
                yield event
                continue
            self._news.clear()
            if self._known > self._position and asked != self._position:
                asked = self._position
                self._want(self._position)
            try:
                async with asyncio.timeout(_AGAIN):
                    await self._news.wait()
            except TimeoutError:
                asked = -1
