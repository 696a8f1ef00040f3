"""A link: this process's connection to an MQTT broker, which comes back when it is lost.

It speaks MQTT 5 at QoS 1 with a fixed client id and a session that is kept, acknowledges a message
only when it is told to, and never waits for a small packet to grow (without TCP_NODELAY a round
trip takes 88 ms instead of 0.4). QoS 1 is not delivery: whoever uses a link must be able to say
everything twice, and to notice what did not arrive.
"""

import asyncio
import logging
import math
import socket
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import aiomqtt
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.client import MQTTMessage
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from simctl.bus.broker import PASSWORD, Broker

QOS = 1
WINDOW = 100  # messages that a broker may have sent us and not had acknowledged
_QUEUE = 10 * WINDOW  # messages that wait to be sent; what is more is lost, as on the way
_SESSION = 24 * 3600  # seconds that the broker keeps what we have not heard
_WILL_DELAY = 2  # seconds in which a lost connection may come back before others are told
_KEEPALIVE = 15  # seconds
_FIRST = 5.0  # seconds that the first connection may take
_SUBACK = 2.0  # seconds
_SOONEST, _LATEST = 0.1, 5.0  # seconds between two attempts to come back
_PUBACK = 10.0  # seconds

# what the connection suffers is told by `trouble`, in words
_LOGGER = logging.getLogger("simctl.mqtt")
_LOGGER.addHandler(logging.NullHandler())

T = TypeVar("T")


class LinkError(Exception):
    """A broker cannot be reached, or refuses us."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A message from the broker. Until `ack` is called, the broker keeps it for the next link."""

    topic: str
    payload: bytes
    ack: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker says for us when the connection is lost and does not come back."""

    topic: str
    payload: bytes


class Link:
    """One connection, under one client id."""

    def __init__(
        self,
        broker: Broker,
        client_id: str,
        hear: Callable[[Heard], None],
        *,
        will: Will | None = None,
        trouble: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Give what arrives to `hear`, in this loop; tell `trouble` when the connection is lost."""
        self.broker = broker
        self.client_id = client_id
        self._hear = hear
        self._will = will
        self._trouble = trouble
        self._client: _Client | None = None
        self._topics: list[str] = []
        self._up = asyncio.Event()
        self._closed = False

    @property
    def is_up(self) -> bool:
        """Whether there is a connection now."""
        return self._client is not None

    async def wait_up(self) -> None:
        """Return as soon as there is a connection."""
        await self._up.wait()

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        """Connect, and keep it so.

        Raises:
            LinkError: the broker cannot be reached now, or refuses.
        """
        first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        keeper = asyncio.create_task(self._keep(first))
        try:
            await first
            yield
        finally:
            self._closed = True
            keeper.cancel()
            await asyncio.wait([keeper])
            if not keeper.cancelled():
                keeper.result()

    async def subscribe(self, topic: str) -> None:
        """Hear a topic from now on, over every connection that is to come.

        Raises:
            LinkError: the broker does not let us.
        """
        self._topics.append(topic)
        if self._client is not None:
            with suppress(aiomqtt.MqttError):  # the next connection subscribes
                await self._subscribe(self._client, topic)

    def post(self, topic: str, payload: bytes) -> None:
        """Give a message to the broker if there is a connection; nobody hears whether it came."""
        if self._client is not None:
            self._client.post(topic, payload)

    async def send(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Give a message to the broker, and return when it has it."""
        while True:
            await self._up.wait()
            client = self._client
            if client is None:
                continue
            with suppress(aiomqtt.MqttError):
                await client.published(topic, payload, retain=retain)
                return
            await asyncio.sleep(_SOONEST)  # whoever keeps the connection has to notice

    async def _keep(self, first: asyncio.Future[None]) -> None:
        pause = _SOONEST
        # not for ever: the client may turn a cancellation into an error, or swallow it
        while not self._closed:
            try:
                async with self._connected() as client:
                    if self._closed:
                        return
                    pause = _SOONEST
                    if not first.done():
                        first.set_result(None)
                    await client.lost()
                reason = f"lost the connection to {self.broker}"
            except (aiomqtt.MqttError, OSError) as error:  # a TimeoutError is one, too
                reason = _words(self.broker, error)
            except LinkError as error:
                reason = str(error)
            if not first.done():
                first.set_exception(LinkError(reason))
                return
            if self._closed:
                return
            self._trouble(f"{reason}; trying again")
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LATEST)

    @asynccontextmanager
    async def _connected(self) -> AsyncGenerator["_Client"]:
        """Connect once."""
        client = self._new_client()
        client.hear_by(self._hear)
        async with client:
            # the broker sends at once what waited for us, and it may have to be answered
            self._client = client
            self._up.set()
            try:
                for topic in self._topics:
                    await self._subscribe(client, topic)
                yield client
            finally:
                self._client = None
                self._up.clear()
                client.settle()

    async def _subscribe(self, client: "_Client", topic: str) -> None:
        if not await client.subscribed(topic):
            raise LinkError(
                f"{self.broker} does not let {self.broker.username or 'anybody'} hear {topic}"
            )

    def _new_client(self) -> "_Client":
        broker, will = self.broker, self._will
        connect = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        connect.SessionExpiryInterval = _SESSION
        connect.ReceiveMaximum = WINDOW
        delayed = Properties(PacketTypes.WILLMESSAGE)  # type: ignore[no-untyped-call]
        delayed.WillDelayInterval = _WILL_DELAY
        client = _Client(
            broker.host,
            broker.port,
            username=broker.username,
            password=broker.password.get_secret_value() if broker.password else None,
            identifier=self.client_id,
            protocol=aiomqtt.ProtocolVersion.V5,
            clean_start=False,
            will=aiomqtt.Will(will.topic, will.payload, QOS, properties=delayed) if will else None,
            properties=connect,
            keepalive=_KEEPALIVE,
            timeout=_FIRST,
            logger=_LOGGER,
            max_inflight_messages=WINDOW,
            max_queued_outgoing_messages=_QUEUE,
            tls_context=broker.tls_context(),
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        )
        client.pending_calls_threshold = 10 * WINDOW
        return client


class _Client(aiomqtt.Client):
    """aiomqtt's client, with three things that only its paho client can do.

    It acknowledges messages before anybody has them, waits for an acknowledgement of each that is
    published, and tells of a lost connection only those who wait for a message.
    """

    def hear_by(self, hear: Callable[[Heard], None]) -> None:
        """Give messages to `hear`, and acknowledge none."""
        paho = self._client
        paho.manual_ack_set(True)

        def take(_: object, __: object, message: MQTTMessage) -> None:
            # on a connection that is gone, acknowledging does nothing: it comes again
            ack = partial(paho.ack, message.mid, message.qos)
            hear(Heard(message.topic, bytes(message.payload), ack))

        paho.on_message = take

    def post(self, topic: str, payload: bytes) -> None:
        """Publish without waiting for an acknowledgement."""
        self._client.publish(topic, payload, QOS)

    async def subscribed(self, topic: str) -> bool:
        """Subscribe, and return whether the broker lets us.

        Raises:
            MqttError: the connection was lost.
        """
        asked = self.subscribe(topic, QOS, timeout=math.inf)
        [granted] = await self._unless_lost(asked, _SUBACK)
        return not (isinstance(granted, ReasonCode) and granted.is_failure)

    async def published(self, topic: str, payload: bytes, *, retain: bool) -> None:
        """Publish, and return when the broker has it.

        Raises:
            MqttError: the connection was lost, or nobody answers.
        """
        said = self.publish(topic, payload, QOS, retain, timeout=math.inf)
        await self._unless_lost(said, _PUBACK)

    async def _unless_lost(self, doing: Coroutine[Any, Any, T], seconds: float) -> T:
        # not the client's own timeout: on Python 3.11 that can swallow a cancellation
        asked = asyncio.ensure_future(doing)
        try:
            either: list[asyncio.Future[Any]] = [asked, self._disconnected]
            await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if not asked.done():
                raise aiomqtt.MqttError("no answer")
            return asked.result()
        finally:
            asked.cancel()

    async def lost(self) -> None:
        """Return when the connection is lost."""
        await asyncio.wait([self._disconnected])

    def settle(self) -> None:
        """Take note of why the connection was lost, if it was: that it was is all that matters."""
        if self._disconnected.done() and not self._disconnected.cancelled():
            self._disconnected.exception()


def _words(broker: Broker, error: Exception) -> str:
    """Return what went wrong with a connection, in words."""
    if isinstance(error, MqttConnectError):
        who = f" as {broker.username!r}" if broker.username else " without a user"
        hint = "" if broker.password else f"; no password was given: in the address, or {PASSWORD}"
        return f"{broker} refuses the connection{who}: {error}{hint}"
    return f"{broker} cannot be reached: {error}"
