"""The gateway: lets processes at a broker take part in a run that this process owns.

What a client says is checked and published, and acknowledged to the broker after the commit. A
client speaks as a producer of its own name, in the epoch that its joining opened; what breaks a
rule is kept in the log as such, in the place of what it wanted to be.
"""

import asyncio
import base64
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Protocol

from pydantic import ValidationError
from pydantic_core import from_json

from simctl.bus.broker import is_client
from simctl.bus.bus import Bus
from simctl.bus.errors import RefusedError
from simctl.bus.event import Draft, Event
from simctl.bus.messages import AnyMessage
from simctl.bus.mqtt import WINDOW, Heard, Link, LinkError
from simctl.bus.parcels import (
    BATCH,
    TO_OWNER,
    Alive,
    Chunk,
    Ended,
    Fetch,
    Hello,
    Leave,
    Live,
    Lost,
    Page,
    Placed,
    Pulse,
    Refused,
    Said,
    Say,
    Topics,
    Unknown,
    Want,
    Welcome,
    batches,
    client_of,
    dump,
    placed,
)
from simctl.bus.pieces import PieceError, Whole, split
from simctl.bus.rejection import rejection
from simctl.bus.values import Value
from simctl.store.members import Member, Members
from simctl.store.policies import PolicyStore
from simctl.store.wire import check

GATEWAY = "gateway"
_CHUNK = 180_000  # bytes
_GATHER = 0.005  # seconds in which events come together
_READING = 60.0  # seconds after the last sign of life of a reader in which events are sent
_FAREWELL = 2.0  # seconds
_MOST_AT_ONCE = 10 * WINDOW  # messages; of QoS 0 there may be more than the window
_WHOLES = 32  # clients whose pieces are kept: 16 MB each at most
_HEARD = 4.0  # seconds in which an announcement comes back
_AGAIN = 0.5  # seconds after which it is made again
_TIMES = 3  # that the end is told: nobody answers, and hardly all are lost


class ReadableLog(Protocol):
    """What the gateway reads of a log."""

    @property
    def run(self) -> str:
        """The run whose log it is."""
        ...

    @property
    def branch(self) -> str:
        """The branch on which its owner writes."""
        ...

    @property
    def last_seq(self) -> int:
        """The seq of the last committed event."""
        ...

    def read(self, after: int = 0, until: int | None = None) -> Iterator[Event]:
        """Give the events with `after` < seq <= `until`, in order."""
        ...


async def announce(
    link: Link, topic: str, payload: bytes, heard: asyncio.Event, *, retain: bool = False
) -> None:
    """Say what only the owner of a run may say, until it is heard: that sets `heard`.

    Raises:
        LinkError: the broker does not let us.
    """
    try:
        async with asyncio.timeout(_HEARD):
            while True:
                await link.send(topic, payload, retain=retain)
                with suppress(TimeoutError):
                    async with asyncio.timeout(_AGAIN):
                        await heard.wait()
                        return
    except TimeoutError:
        who = link.broker.username or "a client without a user"
        raise LinkError(
            f"{link.broker} lets nobody hear what {who} says of a run: that is for its owner"
        ) from None


class Gateway:
    """The owner's place at a broker."""

    def __init__(  # noqa: PLR0913 - what it lets others take part in
        self,
        log: ReadableLog,
        bus: Bus,
        policies: PolicyStore,
        *,
        recipe: str,
        lease: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Speak for the owner of `log`, whose clients are told `recipe`.

        A worker that gives no sign of life for `lease` seconds loses what it was asked to others.
        """
        self.members = Members(self._say, lease, clock)
        self._topics = Topics(log.run)
        self._log = log
        self._bus = bus
        self._policies = policies
        self._recipe = recipe
        self._clock = clock
        self._link: Link | None = None
        self._wholes: dict[str, Whole] = {}
        # the log is longer by what an earlier gateway said: no epoch is used twice
        self._epoch = log.last_seq
        self._pseq = 0
        self._saying = asyncio.Lock()
        self._announced = asyncio.Event()
        self._untold: list[Event] = []
        self._news = asyncio.Event()
        self._read_at = -_READING  # when a reader last gave a sign of life
        self._tasks: set[asyncio.Task[None]] = set()
        self._broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @asynccontextmanager
    async def open(self, link: Link) -> AsyncGenerator[None]:
        """Be the owner at the broker of `link`, whose messages `hear` must get.

        Raises:
            LinkError: the broker cannot be reached, or refuses.
        """
        self._link = link
        async with link.open(), self._bus.listen(GATEWAY) as events:
            await link.subscribe(self._topics.inboxes)
            await self._begin(link)
            helpers = [
                asyncio.create_task(self._hear_log(events)),
                asyncio.create_task(self._tell()),
                asyncio.create_task(self.members.watch()),
            ]
            for helper in helpers:
                helper.add_done_callback(self._done)
            try:
                yield
            finally:
                for helper in (*helpers, *self._tasks):
                    helper.cancel()
                await asyncio.gather(*helpers, *self._tasks, return_exceptions=True)

    async def close(self, reason: str) -> None:
        """Tell everybody that the run is not played any more."""
        with suppress(TimeoutError):  # without a broker there is nobody to tell
            async with asyncio.timeout(_FAREWELL):
                for _ in range(_TIMES):
                    for member in self.members:
                        self.post(member.name, Ended(reason=reason))
                    if self._link is not None:
                        await self._link.send(self._topics.run, b"", retain=True)

    async def failed(self) -> None:
        """Wait until something goes wrong that nobody here can mend, and raise it."""
        await asyncio.shield(self._broken)

    def post(self, name: str, parcel: Value) -> None:
        """Say something to a client; it may not arrive."""
        self._send(self._topics.outbox(name), parcel)

    def _send(self, topic: str, parcel: Value) -> None:
        if self._link is not None:
            for message in split(dump(parcel)):
                self._link.post(topic, message)

    async def _begin(self, link: Link) -> None:
        """Announce the run; whoever may not do that hears nothing of it."""
        await link.subscribe(self._topics.run)
        live = dump(Live(run=self._log.run))
        await announce(link, self._topics.run, live, self._announced, retain=True)

    def hear(self, heard: Heard) -> None:
        """Take a message from the broker; it is acknowledged when all it leads to is done."""
        if heard.topic == self._topics.run:
            self._announced.set()
            heard.ack()
            return
        if len(self._tasks) >= _MOST_AT_ONCE:
            heard.ack()  # as if it was lost on the way: what matters is said again
            return
        task = asyncio.create_task(self._take(heard))
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) and not self._broken.done():
            self._broken.set_exception(error)

    async def _take(self, heard: Heard) -> None:
        name = client_of(heard.topic)
        try:
            payload = self._put_together(name, heard.payload)
        except PieceError as error:
            await self._say(rejection(f"{name!r}: {error}", heard.payload))
            payload = None
        if payload is not None:
            try:
                parcel = TO_OWNER.validate_json(payload)
            except (ValidationError, RecursionError) as error:
                await self._say(rejection(f"{name!r}: no parcel: {error}", heard.payload))
                self._refuse_unread(name, payload)
            else:
                await self._answer(name, parcel)
        heard.ack()

    def _put_together(self, name: str, message: bytes) -> bytes | None:
        """Return what a client says if it is complete; of few clients at a time the pieces stay."""
        whole = self._wholes.pop(name, None) or Whole()
        try:
            return whole.take(message)
        finally:
            if whole.waits:
                self._wholes[name] = whole
            if len(self._wholes) > _WHOLES:
                del self._wholes[next(iter(self._wholes))]  # whoever said it says it again

    async def _answer(self, name: str, parcel: Value) -> None:
        match parcel:
            case Hello():
                await self._join(name, parcel)
            case Say():
                await self._publish(name, parcel)
            case Alive():
                self._sign(name, parcel)
            case Lost(session=session):
                self.members.lost(name, session)
            case Leave(session=session, reason=reason):
                await self.members.leave(name, session, reason)
            case Want(after=after):
                self._send_page(name, after)
            case Fetch():
                self._send_chunk(name, parcel)
            case _:
                pass

    async def _join(self, name: str, hello: Hello) -> None:
        if not is_client(name):
            self.post(name, Refused(session=hello.session, reason=f"{name!r} is no name"))
            return
        epoch = 0  # of those who only read
        if hello.roles:
            member = await self.members.join(name, hello)
            if member is None:
                return
            epoch = member.epoch
        self.post(
            name,
            Welcome(
                session=hello.session,
                epoch=epoch,
                recipe=self._recipe,
            ),
        )

    def _sign(self, name: str, sign: Alive) -> None:
        self.post(name, Pulse(number=sign.number, seq=self._log.last_seq))
        if sign.reads:
            self._read_at = self._clock()
        member = self.members.find(name, sign.epoch)
        if member is not None:
            self.members.alive(member, sign)
        elif sign.epoch:
            self.post(name, Unknown(epoch=sign.epoch))

    async def _publish(self, name: str, say: Say) -> None:
        member = self.members.find(name, say.epoch)
        if member is None:
            reason = f"{name!r} speaks in the epoch {say.epoch}, which is over or not its own"
            await self._say(rejection(reason, dump(say)))
            self.post(name, Unknown(epoch=say.epoch))
            return
        told = await asyncio.gather(*(self._publish_group(member, group) for group in say.groups))
        self.post(
            name,
            Said(
                epoch=say.epoch,
                number=say.number,
                run=self._log.run,
                branch=self._log.branch,
                groups=tuple(told),
            ),
        )

    async def _publish_group(
        self, member: Member, group: Sequence[Draft]
    ) -> tuple[Placed, ...] | str:
        for draft in group:
            if (draft.producer, draft.epoch) != (member.name, member.epoch):
                reason = f"{member.name!r} speaks as {draft.producer!r} in epoch {draft.epoch}"
                await self._say(rejection(reason, repr(draft).encode(errors="replace")))
                return reason
        try:
            for draft in group:
                check(draft)
            events = await self._bus.publish([self._judged(each) for each in group])
        except RefusedError as error:
            return str(error)
        return tuple(map(placed, group, events))

    def _judged(self, draft: Draft) -> Draft:
        """Return a draft, or what is kept under its number when it breaks a rule."""
        reason = self.members.judge(draft)
        if not reason:
            return draft
        kept = rejection(reason, repr(draft.message).encode(errors="replace"))
        return replace(draft, message=kept, utterance=None, recipient="")

    async def _hear_log(self, events: AsyncIterator[Event]) -> None:
        async for event in events:
            if self._clock() - self._read_at < _READING:
                self._untold.append(event)
                self._news.set()

    async def _tell(self) -> None:
        """Send what is logged to whoever reads; what they miss they ask for."""
        while True:
            await self._news.wait()
            await asyncio.sleep(_GATHER)
            self._news.clear()
            told, self._untold = self._untold, []
            for page in batches(told):
                self._send(self._topics.log, Page(after=page[0].seq - 1, events=page))

    def _send_page(self, name: str, after: int) -> None:
        found = self._log.read(after, min(after + BATCH, self._log.last_seq))
        self.post(name, Page(after=after, events=next(batches(found), ())))

    def _send_chunk(self, name: str, asked: Fetch) -> None:
        file = self._policies.file(asked.version, asked.name)
        if file is None:
            return
        size = file.stat().st_size
        with file.open("rb") as opened:
            opened.seek(asked.offset)
            data = base64.b64encode(opened.read(_CHUNK)).decode()
        self.post(
            name,
            Chunk(
                version=asked.version, name=asked.name, offset=asked.offset, size=size, data=data
            ),
        )

    async def _say(self, message: AnyMessage) -> Event:
        """Write down a message of the gateway's own."""
        async with self._saying:
            draft = Draft(GATEWAY, self._epoch, self._pseq, message, GATEWAY)
            [event] = await self._bus.publish([draft])
            self._pseq += 1
            return event

    def _refuse_unread(self, name: str, payload: bytes) -> None:
        """Answer what could be sent again for ever: a Say whose drafts are none."""
        try:
            found = from_json(payload)
            said = Said(epoch=found["epoch"], number=found["number"], refused="a draft is none")
        except (ValueError, KeyError, TypeError):
            return
        self.post(name, said)
