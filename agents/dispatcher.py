"""The dispatcher: gives asks to workers elsewhere, each to one at a time, by events in the log.

It answers as the roles of a process of its own would: the society does not know the difference. An
ask is leased only to workers that serve the policy version which the society plays with. What a
worker should know and does not say that it knows is sent again.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from simctl.agents.leases import Hand, Leases, answers
from simctl.agents.policy.sampler import SAMPLE_RANK
from simctl.bus.asks import ROLES, Role
from simctl.bus.bus import Bus
from simctl.bus.event import Draft, Event
from simctl.bus.messages import AnyMessage, MessageRejected, PolicySynced, PolicyUpdated
from simctl.bus.parcels import Alive, Serve, Work, batches
from simctl.bus.quiescence import Quiescence
from simctl.bus.quiescence import Work as Deferred
from simctl.bus.values import Value
from simctl.bus.workers import LeaseExpired, WorkerSynced, WorkLeased
from simctl.store.policies import PolicyStore

DISPATCHER = "dispatcher"
_ON_ITS_WAY = 2.0  # seconds in which what was sent may still arrive
_PAUSE = 30.0  # seconds after which a worker that broke a rule, or could not serve, may try again
_MOVES = frozenset({"policy_updated", "policy_synced"})
_MOST = 3600  # seconds that a worker may hold an ask, alive or not


class Member(Protocol):
    """A worker that takes part."""

    name: str
    roles: tuple[Role, ...]
    capacity: int


@dataclass
class _Lease:
    """Asks that a worker holds, when it got them, and when they were last sent to it."""

    asks: list[int]
    granted: float
    sent: float


@dataclass
class _Seat:
    """A worker and the policy version that it serves.

    `away` it is given nothing, at least until `back`; before `due` it is sent no policy again.
    """

    hand: Hand
    version: int | None = None
    away: bool = False
    back: float = 0.0
    leases: dict[int, _Lease] = field(default_factory=dict)
    due: float = 0.0


class Dispatcher:
    """Everybody who plays a role of this run, wherever they are."""

    def __init__(  # noqa: PLR0913 - the last two have defaults
        self,
        quiescence: Quiescence,
        policies: PolicyStore,
        version: int,
        post: Callable[[str, Value], None],
        *,
        warn: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Send leases by `post` to workers, who begin with the policy `version`."""
        self._bus: Bus | None = None
        self._quiescence = quiescence
        self._policies = policies
        self._post = post
        self._warn = warn
        self._clock = clock
        self._leases = Leases()
        self._seats: dict[str, _Seat] = {}
        self._said: dict[int, Draft] = {}  # the first answer to each ask that is on its way
        # what an earlier process heard of it is not needed: the hash of its weights is
        known = PolicyUpdated(
            version=version, parent=version, sha256=policies.sha256(version), metrics={}
        )
        self._serve = self._serving(known)
        self._update: PolicyUpdated | None = None
        self._ripe = False  # something may be given out at the next quiescence
        self._due = asyncio.Event()
        self._closed: list[LeaseExpired] = []
        self._epoch = 0
        self._pseq = 0
        self._missed: set[str] = set()
        quiescence.add(Deferred(SAMPLE_RANK, lambda: self._ripe, self._ripen))

    async def serve(
        self, bus: Bus, events: AsyncIterator[Event], epoch: int, history: Iterable[Event]
    ) -> None:
        """Let workers answer what `events` ask of the roles, until cancelled."""
        self._bus, self._epoch = bus, epoch
        given = Counter[int | None]()
        for event in history:
            if event.sender in ROLES:
                given[event.cause] += 1
            elif event.kind in _MOVES:  # the society will not play with what came before
                self._hear(event, given)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._lease())
            async for event in events:
                self._hear(event, given)

    # --- what the gateway tells ---------------------------------------------------------------

    def joined(self, member: Member) -> None:
        """Take in a worker: it must serve the policy before it is given work."""
        hand = Hand(member.name, frozenset(member.roles), member.capacity)
        self._seats[member.name] = seat = _Seat(hand)
        self._send_policy(seat)

    def away(self, name: str, reason: str) -> None:
        """Give what a worker holds to others."""
        seat = self._seats.get(name)
        if seat is not None:
            seat.away = True
            self._close(seat, reason)

    def alive(self, member: Member, sign: Alive) -> None:
        """Send a worker again what it should know, and does not."""
        seat = self._seats.get(member.name)
        if seat is None:
            return
        now = self._clock()
        if seat.away and now >= seat.back:
            seat.away = False
            self._ripens()
        serves = sign.version == seat.version == self._version
        if not serves and now > seat.due:
            self._send_policy(seat)
        for seq, lease in seat.leases.items():
            if seq not in sign.leases and now - lease.sent > _ON_ITS_WAY:
                self._send_work(seat, seq, lease)
        if any(now - lease.granted > _MOST for lease in seat.leases.values()):
            self._close(seat, f"no answer for {_MOST} s")

    def judge(self, name: str, draft: Draft) -> str:
        """Return why a worker may not say this, or nothing when it may."""
        seat = self._seats.get(name)
        if seat is None:
            return f"{name!r} takes no part"
        said = draft.message
        if isinstance(said, WorkerSynced):
            own = (said.worker, draft.sender, draft.recipient) == (name, name, "")
            return "" if own else f"{name!r} speaks of what another serves"
        if isinstance(said, MessageRejected):
            return "" if draft.sender in seat.hand.roles else f"{name!r} is no {draft.sender!r}"
        return self._judge_answer(seat.hand, draft)

    def _judge_answer(self, hand: Hand, draft: Draft) -> str:
        name = hand.name
        if draft.sender not in hand.roles:
            return f"{name!r} does not play {draft.sender!r}"
        if draft.cause is None or not self._leases.holds(name, draft.cause):
            return f"{name!r} holds no lease of the ask {draft.cause}"
        asked = hand.held[draft.cause]
        if draft.sender != asked.recipient:
            return f"the ask {draft.cause} is for the {asked.recipient}"
        # said, and perhaps not yet in the log; it may come twice
        first = self._said.setdefault(draft.cause, draft)
        same = (first.producer, first.epoch) == (draft.producer, draft.epoch)
        if not same or not 0 <= draft.pseq - first.pseq < answers(asked):
            return f"{name!r} has answered the ask {draft.cause}"
        return ""

    # --- what the log tells -------------------------------------------------------------------

    def _hear(self, event: Event, given: Counter[int | None]) -> None:
        if event.recipient in ROLES:
            if not given[event.seq]:
                self._leases.ask(event)
                self._ripens()
        elif event.sender in ROLES and event.cause is not None:
            self._answered(event, event.cause)
        elif isinstance(event.message, LeaseExpired):
            self._expired(event.message.asks)
        elif event.kind == "policy_updated" and isinstance(event.message, PolicyUpdated):
            self._update = event.message
        elif event.kind == "policy_synced" and isinstance(event.message, PolicySynced):
            self._moved(event.message)
        elif event.kind == "worker_synced" and isinstance(event.message, WorkerSynced):
            self._synced(event.message)

    def _answered(self, event: Event, asked: int) -> None:
        seat = self._seats.get(event.producer)
        if event.kind == "message_rejected":
            if seat is not None and self._leases.holds(event.producer, asked):
                seat.away, seat.back = True, self._clock() + _PAUSE
                self._close(seat, "its answer breaks a rule")
            return
        self._leases.answered(asked)
        self._said.pop(asked, None)
        if seat is not None:
            for seq, lease in list(seat.leases.items()):
                if asked in lease.asks:
                    lease.asks.remove(asked)
                    if not lease.asks:
                        del seat.leases[seq]
            self._ripens()

    def _expired(self, asks: Sequence[int]) -> None:
        self._leases.expired(asks)
        for asked in asks:
            self._said.pop(asked, None)
        self._ripens()

    def _moved(self, synced: PolicySynced) -> None:
        """Let the workers serve what the society plays with from now on."""
        update = self._update
        if synced.ok and update is not None and update.version == synced.version:
            self._serve = self._serving(update)
            for seat in self._seats.values():
                self._send_policy(seat)

    def _synced(self, synced: WorkerSynced) -> None:
        seat = self._seats.get(synced.worker)
        if not synced.ok:
            self._warn(f"{synced.worker} cannot serve version {synced.version}: {synced.reason}")
        if seat is not None and synced.ok:
            seat.version = synced.version
            self._ripens()
        elif seat is not None and synced.version == self._version:
            seat.due = self._clock() + _PAUSE

    # --- giving out ---------------------------------------------------------------------------

    def _ripens(self) -> None:
        self._ripe = True
        self._quiescence.touch()

    async def _ripen(self) -> None:
        # what is said here waits for a commit, and that for this flush to return
        self._ripe = False
        self._due.set()

    async def _lease(self) -> None:
        """Give out what waits, and write down first who gets what."""
        while True:
            await self._due.wait()
            self._due.clear()
            closed, self._closed = self._closed, []
            if closed:
                await self._say(closed)
            given = [
                (hand, part)
                for hand, asks in self._leases.assign(self._ready())
                for part in batches(asks)
            ]
            self._miss()
            if not given:
                continue
            leased = [
                WorkLeased(worker=hand.name, asks=tuple(each.seq for each in asks))
                for hand, asks in given
            ]
            for (hand, asks), event in zip(given, await self._say(leased), strict=True):
                seat = self._seats.get(hand.name)
                held = [each.seq for each in asks if each.seq in hand.held]
                if seat is not None and seat.hand is hand and not seat.away and held:
                    lease = seat.leases[event.seq] = _Lease(held, self._clock(), 0.0)
                    self._send_work(seat, event.seq, lease)

    def _ready(self) -> list[Hand]:
        version = self._version
        seats = self._seats.values()
        return [seat.hand for seat in seats if seat.version == version and not seat.away]

    def _miss(self) -> None:
        """Say which roles nobody plays, once."""
        here = [seat.hand for seat in self._seats.values() if not seat.away]
        missed = self._leases.unplayed(here)
        if missed - self._missed:
            self._warn(f"no worker plays {', '.join(sorted(missed))}: waiting for one to join")
        self._missed = missed

    def _close(self, seat: _Seat, reason: str) -> None:
        """Take a worker's leases back; the log has to say so before others get the asks."""
        closed = self._leases.close(seat.hand)
        seat.leases.clear()
        if closed:
            self._closed.append(
                LeaseExpired(worker=seat.hand.name, asks=tuple(closed), reason=reason)
            )
        self._ripens()

    async def _say(self, messages: Sequence[AnyMessage]) -> list[Event]:
        assert self._bus is not None  # nothing is given out before it serves
        drafts = [
            Draft(DISPATCHER, self._epoch, self._pseq + at, message, DISPATCHER)
            for at, message in enumerate(messages)
        ]
        self._pseq += len(drafts)
        return await self._bus.publish(drafts)

    def _send_work(self, seat: _Seat, seq: int, lease: _Lease) -> None:
        lease.sent = self._clock()
        held = tuple(seat.hand.held[asked] for asked in lease.asks)
        self._post(seat.hand.name, Work(lease=seq, asks=held))

    def _send_policy(self, seat: _Seat) -> None:
        seat.due = self._clock() + _ON_ITS_WAY
        self._post(seat.hand.name, self._serve)

    def _serving(self, update: PolicyUpdated) -> Serve:
        return Serve(update=update, files=tuple(self._policies.files(update.version)))

    @property
    def _version(self) -> int:
        """The policy version that the society plays with."""
        return self._serve.update.version
