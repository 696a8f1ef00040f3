"""The bus of another process: publishing goes through a broker to the run's owner, and back.

Everything is said until it is answered, so nothing depends on what the broker does with a message:
drafts are numbered and may come twice, leases and events that did not come are noticed by what a
sign of life tells.
"""

import asyncio
import base64
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from pydantic import ValidationError

from simctl.bus.asks import Role
from simctl.bus.broker import Broker
from simctl.bus.errors import RefusedError
from simctl.bus.event import Draft, Event
from simctl.bus.feed import Feed
from simctl.bus.mqtt import Heard, Link, Will
from simctl.bus.outbox import Outbox
from simctl.bus.parcels import (
    TO_CLIENT,
    Alive,
    Chunk,
    Ended,
    Fetch,
    Hello,
    Leave,
    Lost,
    Page,
    Pulse,
    Refused,
    Said,
    Serve,
    Topics,
    Unknown,
    Want,
    Welcome,
    Work,
    dump,
)
from simctl.bus.pieces import MOST, PieceError, Whole, split
from simctl.bus.values import Value

RESEND = 1.0  # seconds without an answer after which a thing is said again
BEAT = 1.0  # seconds between two signs of life
_JOINING = 20.0  # seconds that an owner may take to answer the first word


T = TypeVar("T")


class ForgottenError(Exception):
    """The owner does not know this client any more: it has to join again."""


class RunOverError(Exception):
    """The run ended."""


class RemoteBus:
    """One client's place at a run: a bus, and what its owner asks of it."""

    def __init__(  # noqa: PLR0913 - the last three have defaults
        self,
        broker: Broker,
        run: str,
        name: str,
        *,
        work: Callable[[Work], None] = lambda _: None,
        serve: Callable[[Serve], None] = lambda _: None,
        trouble: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Take part in `run` as `name`; give `work` and `serve` what the owner wants of a worker.

        `trouble` is told when the connection is lost.
        """
        self.name = name
        self._topics = Topics(run)
        self._inbox = self._topics.inbox(name)
        self._work = work
        self._serve = serve
        self._session = uuid.uuid4().hex
        [lost] = split(dump(Lost(session=self._session)))
        self._link = Link(broker, name, self._hear, will=Will(self._inbox, lost), trouble=trouble)
        self._announced = False
        self._epoch = 0
        self._outbox = Outbox()
        self._spoken = asyncio.Event()  # there is something to say
        self._answered = asyncio.Event()
        self._whole = Whole()
        self._reads = False
        self._feeds: list[Feed] = []
        self._beats = 0
        self._pulses: dict[int, asyncio.Future[int]] = {}
        self._chunks: dict[tuple[int, str, int], asyncio.Future[Chunk]] = {}
        self._welcome: asyncio.Future[Welcome] = asyncio.get_running_loop().create_future()
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.leases: Callable[[], Sequence[int]] = lambda: ()
        self.version: int | None = None  # of the policy that serves here

    @property
    def epoch(self) -> int:
        """The epoch in which it speaks."""
        return self._epoch

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        """Connect to the broker, and stay so.

        Raises:
            LinkError: it cannot be reached, or refuses.
        """
        async with self._link.open():
            yield

    async def join(
        self, roles: Sequence[Role] = (), *, capacity: int = 64, machine: str = ""
    ) -> Welcome:
        """Take part in the run.

        Raises:
            RefusedError: the owner does not want us, or nobody answers.
            RunOverError: the run ended meanwhile.
        """
        await self._link.subscribe(self._topics.run)
        await self._link.subscribe(self._topics.outbox(self.name))
        hello = Hello(session=self._session, roles=tuple(roles), capacity=capacity, machine=machine)
        deadline = time.monotonic() + _JOINING
        while not self._welcome.done():
            if self._over.done():
                await self._over
            if time.monotonic() > deadline:
                if not self._announced:
                    raise RunOverError("nobody plays it any more")
                raise RefusedError(
                    f"nobody answers at {self._link.broker}: the run is not live there, or this "
                    "user may not speak to it"
                )
            self._post(hello)
            either: list[asyncio.Future[Any]] = [self._welcome, self._over]
            await asyncio.wait(either, timeout=RESEND, return_when=asyncio.FIRST_COMPLETED)
        welcome = await self._welcome
        self._epoch = welcome.epoch
        return welcome

    async def run(self) -> None:
        """Keep up with the owner until cancelled.

        Raises:
            RunOverError: the run ended.
            ForgottenError: the owner does not know us any more.
        """
        async with asyncio.TaskGroup() as group:
            group.create_task(self._speak())
            group.create_task(self._beat())
            await asyncio.shield(self._over)

    async def publish(self, drafts: Sequence[Draft]) -> list[Event]:
        """Append the drafts, deliver the new ones, and return the events of all, in order.

        Raises:
            RefusedError: the owner refuses them.
            RunOverError, ForgottenError: nobody takes them any more.
        """
        if not drafts:
            return []
        answered = self._outbox.put(drafts)
        self._spoken.set()
        return await answered

    @asynccontextmanager
    async def listen(self, name: str = "unnamed") -> AsyncGenerator[AsyncIterator[Event]]:  # noqa: ARG002 - a name for reports that nobody here makes
        """Hear every event from now on, in the order of the log."""
        if not self._reads:
            self._reads = True
            await self._link.subscribe(self._topics.log)
        feed = Feed(await self._last_seq(), lambda after: self._post(Want(after=after)))
        self._feeds.append(feed)
        try:
            yield feed.hear()
        finally:
            self._feeds.remove(feed)

    async def fetch(self, version: int, name: str) -> AsyncIterator[bytes]:
        """Give a file of a policy version, in parts."""
        offset, size = 0, 1
        while offset < size:
            chunk = await self._chunk(version, name, offset)
            part = base64.b64decode(chunk.data)
            yield part
            offset, size = offset + len(part), chunk.size

    def leave(self, reason: str) -> None:
        """Tell the owner that we take no part any more."""
        self._post(Leave(session=self._session, reason=reason))

    def _hear(self, heard: Heard) -> None:
        """Take a message from the broker."""
        heard.ack()
        if heard.topic == self._topics.run:
            self._announced = bool(heard.payload)
            if not self._announced:
                self._end(RunOverError("it is not played any more"))
            return
        try:
            payload = self._whole.take(heard.payload)
            parcel = None if payload is None else TO_CLIENT.validate_json(payload)
        except (PieceError, ValidationError):
            return  # whoever waits for it asks again
        self._take(parcel)

    def _take(self, parcel: Value | None) -> None:
        match parcel:
            case Said():
                if parcel.epoch == self._epoch and self._outbox.answer(parcel):
                    self._answered.set()
            case Work():
                self._work(parcel)
            case Serve():
                self._serve(parcel)
            case Page():
                self._learn(events=parcel.events)
            case Pulse():
                _settle(self._pulses.pop(parcel.number, None), parcel.seq)
                self._learn(seq=parcel.seq)
            case Chunk():
                key = (parcel.version, parcel.name, parcel.offset)
                _settle(self._chunks.get(key), parcel)
            case _:
                self._take_part(parcel)

    def _learn(self, events: Sequence[Event] = (), seq: int = 0) -> None:
        """Tell listeners what came of the log, and how far it is known to go."""
        for feed in self._feeds:
            feed.take(events)
            feed.know(seq)

    def _take_part(self, parcel: Value | None) -> None:
        """Hear whether we take part."""
        match parcel:
            case Welcome(session=session) if session == self._session:
                _settle(self._welcome, parcel)
            case Refused(session=session, reason=reason) if session == self._session:
                _fail(self._welcome, RefusedError(reason))
            case Unknown(epoch=epoch) if epoch == self._epoch and self._welcome.done():
                self._end(ForgottenError("the owner does not know this worker any more"))
            case Ended(reason=reason):
                self._end(RunOverError(reason))
            case _:
                pass

    def _end(self, error: Exception) -> None:
        self._outbox.abandon(error)
        _fail(self._over, error)

    async def _speak(self) -> None:
        """Say what waits to be said, until it is answered."""
        while True:
            await self._spoken.wait()
            self._spoken.clear()
            while (parcel := self._outbox.parcel(self._epoch)) is not None:
                await self._link.wait_up()
                self._answered.clear()
                payload = dump(parcel)
                if len(payload) > MOST:
                    self._outbox.narrow(f"{len(payload)} bytes are too large: {MOST} at most")
                    continue
                self._send(payload)
                await _within(RESEND, self._answered)

    async def _beat(self) -> None:
        while True:
            self._alive()
            await asyncio.sleep(BEAT)

    def _alive(self) -> int:
        self._beats += 1
        self._post(
            Alive(
                epoch=self._epoch,
                number=self._beats,
                leases=tuple(self.leases()),
                version=self.version,
                reads=self._reads,
            )
        )
        return self._beats

    async def _last_seq(self) -> int:
        """Ask for the last seq of the log as it is now."""
        while True:
            pulse: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            number = self._alive()
            self._pulses[number] = pulse
            await asyncio.wait([pulse], timeout=RESEND)
            if pulse.done():
                return pulse.result()
            self._pulses.pop(number, None)

    async def _chunk(self, version: int, name: str, offset: int) -> Chunk:
        key = (version, name, offset)
        chunk: asyncio.Future[Chunk] = asyncio.get_running_loop().create_future()
        self._chunks[key] = chunk
        try:
            while not chunk.done():
                self._post(Fetch(version=version, name=name, offset=offset))
                await asyncio.wait([chunk], timeout=RESEND)
            return chunk.result()
        finally:
            del self._chunks[key]

    def _post(self, parcel: Value) -> None:
        self._send(dump(parcel))

    def _send(self, payload: bytes) -> None:
        for message in split(payload):
            self._link.post(self._inbox, message)


def _settle(waiting: "asyncio.Future[T] | None", answer: T) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(answer)


def _fail(waiting: "asyncio.Future[Any]", error: Exception) -> None:
    if not waiting.done():
        waiting.set_exception(error)


async def _within(seconds: float, news: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(seconds):
            await news.wait()
    except TimeoutError:
        return
