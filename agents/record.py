"""The record of a round: its events as far as they are known, and a way to wait for one."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable

from simctl.bus.event import Event
from simctl.bus.order import as_asked


class Record:
    """Events of the round that is being played. An event heard twice is kept once."""

    def __init__(self, history: Iterable[Event] = ()) -> None:
        """Begin with what the log already has of the round."""
        self._events = {event.seq: event for event in history}
        self._news = asyncio.Event()

    async def hear_all(self, events: AsyncIterator[Event]) -> None:
        """Keep what is said, until cancelled."""
        async for event in events:
            self._events[event.seq] = event
            self._news.set()

    async def until(self, match: Callable[[Event], bool]) -> Event:
        """Return the first event of the round that matches, waiting for it if need be."""
        while True:
            self._news.clear()
            found = next((event for event in self.events() if match(event)), None)
            if found is not None:
                return found
            await self._news.wait()

    def events(self) -> list[Event]:
        """Return the events by episode and then as asked, however they were interleaved."""
        return sorted(self._events.values(), key=as_asked)

    def begin(self, events: Iterable[Event]) -> None:
        """Forget the round, which is in the log, but for events that are of one to come."""
        self._events = {event.seq: event for event in events}
