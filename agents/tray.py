"""The tray: what a worker was given to do. A lease that comes twice is taken once."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from simctl.bus.event import Event
from simctl.bus.parcels import Work

_REMEMBERED = 1000  # leases that were worked off, and may be sent again


class Tray:
    """A worker's work: leases, and the asks of each that have no answer."""

    def __init__(self) -> None:
        """Begin with an empty tray."""
        self._open: dict[int, set[int]] = {}
        self._done: deque[int] = deque(maxlen=_REMEMBERED)
        self._asked: asyncio.Queue[Event] = asyncio.Queue()

    def take(self, work: Work) -> None:
        """Take in a lease; one that is known is not taken again."""
        if work.lease in self._open or work.lease in self._done:
            return
        self._open[work.lease] = {event.seq for event in work.asks}
        for event in work.asks:
            self._asked.put_nowait(event)

    def leases(self) -> list[int]:
        """Return the leases that are known and not worked off."""
        return list(self._open)

    def answered(self, asked: int) -> None:
        """Hear that the owner has taken the answers to an ask, or refused them."""
        for lease, asks in list(self._open.items()):
            asks.discard(asked)
            if not asks:
                del self._open[lease]
                self._done.append(lease)

    async def asks(self) -> AsyncIterator[Event]:
        """Give what is asked, for ever."""
        while True:
            yield await self._asked.get()
