"""The bus: whoever publishes is heard only after the log has what was said."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from simctl.bus.event import Draft, Event


class Journal(Protocol):
    """What a bus needs of a log."""

    async def append(self, drafts: Sequence[Draft]) -> list[Event]:
        """Make all drafts durable in one commit and return their events, in order.

        A draft whose (producer, epoch, pseq) is already there gives the event that is there.
        """
        ...


class Bus(Protocol):
    """Publish and listen."""

    async def publish(self, drafts: Sequence[Draft]) -> list[Event]:
        """Append the drafts, deliver the new ones, and return the events of all, in order."""
        ...

    def listen(self, name: str = "unnamed") -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        """Hear every event from now on, in the order of the log; `name` is for reports."""
        ...
