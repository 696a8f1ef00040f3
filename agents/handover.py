"""The handover: every new version is proved and taken over while the society plays.

A version says no token before the log has that it was proved. What serves is the clock's then, and
so is where the log has it: each sync is numbered by its version, and not with what a society says.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Protocol

from simctl.agents.memory import SOCIETY
from simctl.bus.event import Draft, Event
from simctl.bus.messages import PolicySynced, PolicyUpdated

SAMPLER = "sampler"  # who tells what was proved


class Serves(Protocol):
    """A policy of which versions are proved, and then served."""

    @property
    def version(self) -> int:
        """The policy version that serves."""
        ...

    async def prove(self, update: PolicyUpdated) -> PolicySynced:
        """Say whether a version is what was announced."""
        ...

    def settle(self, synced: PolicySynced) -> None:
        """Serve what was proved last from the next token on, if it was proved."""
        ...


class Publishes(Protocol):
    """Where it is said."""

    async def publish(self, drafts: Sequence[Draft]) -> list[Event]:
        """Append the drafts to the log."""
        ...


class Handover:
    """Takes versions as soon as the trainer announces them, one after the other."""

    def __init__(self, bus: Publishes, policy: Serves, offered: int) -> None:
        """Go on after version `offered`, the last that came to be served."""
        self._bus = bus
        self._policy = policy
        self.offered = offered
        self.still = asyncio.Lock()  # whoever holds it is answered by one version
        self._news = asyncio.Event()

    async def run(self, before: Iterable[Event], events: AsyncIterator[Event]) -> None:
        """Take what was announced `before`, and what is from now on; until cancelled."""
        for event in before:
            await self._hear(event)
        async for event in events:
            await self._hear(event)

    async def until(self, version: int) -> None:
        """Wait until a version has come to be served, whether it was or not."""
        while self.offered < version:
            self._news.clear()
            await self._news.wait()

    async def _hear(self, event: Event) -> None:
        update = event.message if event.kind == "policy_updated" else None
        if not isinstance(update, PolicyUpdated) or update.version <= self.offered:
            return
        async with self.still:
            synced = await self._policy.prove(update)
            await self._bus.publish([self._draft(event, synced)])
            self._policy.settle(synced)
        self.offered = update.version
        self._news.set()

    def _draft(self, update: Event, synced: PolicySynced) -> Draft:
        return Draft(
            producer=SAMPLER,
            epoch=synced.version,  # each has its own, whichever was the first to come in flight
            pseq=0,
            message=synced,
            sender=SOCIETY,
            round=synced.version,
            cause=update.seq,
            policy_version=synced.version if synced.ok else self._policy.version,
        )
