"""The crew of a run: the workers that play its roles, and what each of them holds."""

from dataclasses import dataclass, field

from simctl.bus.event import Event
from simctl.bus.workers import LeaseExpired, WorkerJoined, WorkerLeft, WorkerSynced, WorkLeased


@dataclass
class Member:
    """A worker. `held` are the asks that only it may answer now."""

    name: str
    roles: tuple[str, ...]
    version: int | None = None  # of the policy that it serves
    held: set[int] = field(default_factory=set)
    left: str | None = None  # why it takes no part any more


class Crew:
    """Everybody who ever joined, in the order of joining."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self.members: dict[str, Member] = {}

    def hear(self, event: Event) -> None:
        """Take in what the log says of workers."""
        match event.message:
            case WorkerJoined(worker=name, roles=roles):
                before = self.members.get(name)
                self.members[name] = Member(name, roles, before.version if before else None)
            case WorkerLeft(worker=name, reason=reason) if name in self.members:
                self.members[name].left = reason
                self.members[name].held.clear()
            case WorkerSynced(worker=name, ok=True, version=version) if name in self.members:
                self.members[name].version = version
            case WorkLeased(worker=name, asks=asks) if name in self.members:
                self.members[name].held.update(asks)
            case LeaseExpired(worker=name, asks=asks) if name in self.members:
                self.members[name].held.difference_update(asks)
            case _:
                pass

    def answered(self, event: Event) -> None:
        """Take in what a worker said: what it answers it holds no more."""
        if event.cause is not None:
            self.members[event.producer].held.discard(event.cause)
