"""Members: the workers that take part in a run, and since when nothing was heard of them.

A worker joins under a name, in an epoch that is the seq of the event which says so; a process that
takes the name of another takes its place.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from simctl.bus.asks import Role
from simctl.bus.event import Draft, Event
from simctl.bus.messages import AnyMessage
from simctl.bus.parcels import Alive, Hello
from simctl.bus.workers import WorkerJoined, WorkerLeft

_FORGET = 4  # leases without a sign of life after which a worker has left


@dataclass
class Member:
    """A worker that takes part: `seen` is when it last gave a sign of life."""

    name: str
    session: str
    epoch: int
    roles: tuple[Role, ...]
    capacity: int
    seen: float
    silent: bool = False


class Giver(Protocol):
    """Who gives work to the members."""

    def joined(self, member: Member) -> None:
        """Hear that a worker takes part."""

    def away(self, name: str, reason: str) -> None:
        """Hear that a worker gives no sign of life, or has left."""

    def alive(self, member: Member, sign: Alive) -> None:
        """Hear a worker's sign of life."""

    def judge(self, name: str, draft: Draft) -> str:
        """Return why a worker may not say this, or nothing when it may."""
        ...


class Members:
    """Who takes part. `say` writes something down and returns its event."""

    def __init__(
        self,
        say: Callable[[AnyMessage], Awaitable[Event]],
        lease: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with nobody; after `lease` seconds without a sign of life a worker is away."""
        self._say = say
        self._lease = lease
        self._clock = clock
        self._members: dict[str, Member] = {}
        self._joining: dict[str, str] = {}
        self._giver: Giver | None = None

    def __iter__(self) -> Iterator[Member]:
        """Give everybody who takes part."""
        return iter(list(self._members.values()))

    def recall(self, events: Iterable[Event]) -> None:
        """Know again the workers that took part when the run was played last."""
        for event in events:
            match event.message:
                case WorkerJoined() as joined:
                    self._members[joined.worker] = self._member(joined, event.seq)
                case WorkerLeft(worker=worker):
                    self._members.pop(worker, None)
                case _:
                    pass

    def attend(self, giver: Giver) -> None:
        """Let `giver` give work to the members."""
        self._giver = giver
        for member in self:
            giver.joined(member)

    def find(self, name: str, epoch: int) -> Member | None:
        """Return a worker if it takes part in this epoch."""
        member = self._members.get(name)
        return member if member is not None and member.epoch == epoch else None

    def judge(self, draft: Draft) -> str:
        """Return why a worker may not say this, or nothing when it may."""
        return self._giver.judge(draft.producer, draft) if self._giver is not None else ""

    async def join(self, name: str, hello: Hello) -> Member | None:
        """Take in a worker; return nothing while it is being taken in."""
        member = self._members.get(name)
        if member is not None and member.session == hello.session:
            return member
        if self._joining.get(name) == hello.session:
            return None  # doubled on the way: the first one is answered
        self._joining[name] = hello.session
        if member is not None:
            await self.part(member, "another process took its name")
        joined = WorkerJoined(
            worker=name,
            session=hello.session,
            roles=hello.roles,
            capacity=hello.capacity,
            machine=hello.machine,
        )
        event = await self._say(joined)
        if self._joining.get(name) != hello.session:
            return None  # meanwhile another process took its name
        del self._joining[name]
        member = self._members[name] = self._member(joined, event.seq)
        if self._giver is not None:
            self._giver.joined(member)
        return member

    def lost(self, name: str, session: str) -> None:
        """Hear that a worker has lost its connection: it may come back."""
        member = self._members.get(name)
        if member is not None and member.session == session:
            self._away(member, "its connection was lost")

    async def leave(self, name: str, session: str, reason: str) -> None:
        """Let a worker go; a process whose place was taken has nothing to say about it."""
        member = self._members.get(name)
        if member is not None and member.session == session:
            await self.part(member, reason)

    async def part(self, member: Member, reason: str) -> None:
        """Write down that a worker takes no part any more."""
        if self._members.get(member.name) is member:
            del self._members[member.name]
            if self._giver is not None:
                self._giver.away(member.name, reason)
            await self._say(WorkerLeft(worker=member.name, reason=reason))

    def alive(self, member: Member, sign: Alive) -> None:
        """Hear a sign of life."""
        member.seen, member.silent = self._clock(), False
        if self._giver is not None:
            self._giver.alive(member, sign)

    async def watch(self) -> None:
        """Notice who gives no sign of life, until cancelled."""
        while True:
            await asyncio.sleep(self._lease / 5)
            for member in self:
                silence = self._clock() - member.seen
                reason = f"no sign of life for {silence:.0f} s"
                if silence > _FORGET * self._lease:
                    await self.part(member, reason)
                elif silence > self._lease and not member.silent:
                    self._away(member, reason)

    def _away(self, member: Member, reason: str) -> None:
        member.silent = True
        if self._giver is not None:
            self._giver.away(member.name, reason)

    def _member(self, joined: WorkerJoined, epoch: int) -> Member:
        return Member(
            name=joined.worker,
            session=joined.session,
            epoch=epoch,
            roles=joined.roles,
            capacity=joined.capacity,
            seen=self._clock(),
        )
