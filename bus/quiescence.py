"""Quiescence: deferred work runs when no coroutine can go on.

Commits and model calls wait here. When every coroutine waits for something, the work with the
lowest rank runs as one batch, and then the coroutines go on. So batches are as large as they can
be, and, because no clock takes part, the same in every run of one seed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Work:
    """Something that can wait: `pending` tells whether there is any, `flush` does all of it.

    What goes before `long` work need not wait for its end; when it is done is then the clock's.
    """

    rank: int
    pending: Callable[[], bool]
    flush: Callable[[], Awaitable[None]]
    long: bool = False


class Quiescence:
    """Runs the registered work, one flush at a time, whenever the event loop has settled."""

    def __init__(self, turns: int = 8) -> None:
        """Take the loop for settled after `turns` turns in which nobody called `touch`."""
        self._turns = turns
        self._work: list[Work] = []
        self._activity = 0
        self._awake = asyncio.Event()

    def add(self, work: Work) -> None:
        """Register work; a lower rank goes first."""
        self._work = sorted([*self._work, work], key=lambda each: each.rank)

    def touch(self) -> None:
        """Say that there is new work, or that a coroutine was given a reason to go on."""
        self._activity += 1
        self._awake.set()

    async def run(self) -> None:
        """Flush work for ever; cancel it to stop."""
        while True:
            await self._awake.wait()
            await self._settle()
            ready = self._ready(self._work)
            if ready is None:
                self._awake.clear()
            elif ready.long:
                await self._beside(ready)
            else:
                await ready.flush()

    async def _beside(self, long: Work) -> None:
        """Flush long work, and what goes before it as long as that takes."""
        before = [work for work in self._work if work.rank < long.rank]
        async with asyncio.TaskGroup() as group:
            flushed = group.create_task(_flush(long))
            flushed.add_done_callback(lambda _: self.touch())
            while not flushed.done():
                await self._awake.wait()
                await self._settle()
                ready = self._ready(before)
                if ready is not None:
                    await ready.flush()
                elif not flushed.done():
                    self._awake.clear()

    @staticmethod
    def _ready(works: Iterable[Work]) -> Work | None:
        return next((work for work in works if work.pending()), None)

    async def _settle(self) -> None:
        still, seen = 0, self._activity
        while still < self._turns:
            await asyncio.sleep(0)
            still = still + 1 if seen == self._activity else 0
            seen = self._activity


async def _flush(work: Work) -> None:
    await work.flush()
