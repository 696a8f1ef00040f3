"""The outbox: what a client has said and the owner has not answered yet.

One parcel is under way at a time, and what is said meanwhile waits for the next: so nothing can
overtake, and parcels are as large as the way is long.
"""

import asyncio
from collections.abc import Sequence

from simctl.bus.errors import RefusedError
from simctl.bus.event import Draft, Event
from simctl.bus.parcels import Placed, Said, Say

LARGEST = 1000  # drafts of a parcel, unless one group has more

_Waiting = tuple[tuple[Draft, ...], asyncio.Future[list[Event]]]


class Outbox:
    """Groups of drafts, in the order in which they were said."""

    def __init__(self) -> None:
        """Begin with nothing to say."""
        self._waiting: list[_Waiting] = []
        self._under_way: list[_Waiting] = []
        self._number = 0

    def put(self, drafts: Sequence[Draft]) -> asyncio.Future[list[Event]]:
        """Take a group; the future has its events once they are in the log.

        It raises RefusedError when the owner refuses them.
        """
        answered: asyncio.Future[list[Event]] = asyncio.get_running_loop().create_future()
        self._waiting.append((tuple(drafts), answered))
        return answered

    def parcel(self, epoch: int) -> Say | None:
        """Return the parcel that is under way, or else the next one, if there is any."""
        if not self._under_way:
            if not self._waiting:
                return None
            count = self._fitting()
            self._under_way, self._waiting = self._waiting[:count], self._waiting[count:]
            self._number += 1
        groups = tuple(drafts for drafts, _ in self._under_way)
        return Say(epoch=epoch, number=self._number, groups=groups)

    def answer(self, said: Said) -> bool:
        """Take the owner's answer; return whether it was to the parcel under way."""
        if not self._under_way or said.number != self._number:
            return False
        count = len(self._under_way)
        groups = (said.refused,) * count if said.refused else said.groups
        if len(groups) != count:
            return False
        told = [
            group if isinstance(group, str) else _events(drafts, group, said)
            for (drafts, _), group in zip(self._under_way, groups, strict=True)
        ]
        if None in told:
            return False  # said again, it is answered with whole events
        for (_, answered), group in zip(self._under_way, told, strict=True):
            if answered.done():  # the publisher was cancelled; the log has it anyway
                continue
            if isinstance(group, str):
                answered.set_exception(RefusedError(group))
            else:
                answered.set_result(group or [])
        self._under_way = []
        return True

    def narrow(self, reason: str) -> None:
        """Put a parcel that is too large together anew with its first half, or refuse its group."""
        half = len(self._under_way) // 2
        if not half:
            self.answer(Said(epoch=0, number=self._number, refused=reason))
            return
        self._waiting = self._under_way[half:] + self._waiting
        self._under_way = self._under_way[:half]

    def abandon(self, error: Exception) -> None:
        """Answer everything that is not answered with an error: nobody will."""
        for _, answered in self._under_way + self._waiting:
            if not answered.done():
                answered.set_exception(error)
        self._under_way, self._waiting = [], []

    def _fitting(self) -> int:
        """Return how many of the waiting groups go into one parcel: at least one."""
        drafts = 0
        for count, (group, _) in enumerate(self._waiting):
            drafts += len(group)
            if count and drafts > LARGEST:
                return count
        return len(self._waiting)


def _events(drafts: Sequence[Draft], places: Sequence[Placed], said: Said) -> list[Event] | None:
    """Return the events of a group, or nothing if the log has something else."""
    if len(drafts) != len(places):
        return None
    found = [
        where.of(draft, said.run, said.branch) for draft, where in zip(drafts, places, strict=True)
    ]
    events = [event for event in found if event is not None]
    return events if len(events) == len(found) else None
