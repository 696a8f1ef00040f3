"""A connection ends when it is told to, whatever became of its broker, and comes back else."""

import asyncio
from collections.abc import Iterator

import pytest
from mosquitto import Mosquitto, nobody
from proxy import Faults, Proxy

from simctl.bus import mqtt
from simctl.bus.broker import Broker
from simctl.bus.mqtt import Heard, Link, LinkError


@pytest.fixture(scope="module")
def fragile() -> Iterator[Mosquitto]:
    """A broker of these tests' own, to be stopped."""
    with Mosquitto() as started:
        yield started


def link(url: str, name: str = "w", heard: asyncio.Queue[bytes] | None = None) -> Link:
    def hear(message: Heard) -> None:
        message.ack()
        if heard is not None:
            heard.put_nowait(message.payload)

    return Link(Broker.parse(url), name, hear)


async def test_a_link_ends_though_its_broker_hangs(
    fragile: Mosquitto, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(mqtt, "_FIRST", 2)  # in which it has to connect, too
    async with asyncio.timeout(120):
        async with link(fragile.url("worker")).open():
            fragile.pause()
        fragile.resume()


async def test_a_link_ends_while_it_tries_to_come_back(fragile: Mosquitto):
    async with Proxy(fragile.port) as proxy, asyncio.timeout(120):
        one = link(fragile.url("worker", proxy.port))
        async with one.open():
            proxy.refusing = True
            proxy.cut()
            while one.is_up:  # noqa: ASYNC110 - a link has no event for it
                await asyncio.sleep(0.01)


async def test_what_is_sent_as_the_connection_is_lost_arrives_over_the_next(fragile: Mosquitto):
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    there = link(fragile.url("owner"), "o", heard)
    async with Proxy(fragile.port) as proxy, asyncio.timeout(120):
        here = link(fragile.url("worker", proxy.port))
        async with there.open(), here.open():
            await there.subscribe("simctl/r/in/+")
            proxy.inject(up=Faults(tear=1, at_most=2))
            await here.send("simctl/r/in/w", b"at last")
            assert await heard.get() == b"at last"
            assert proxy.total("tear") == 2


async def test_a_link_to_nobody_says_so():
    with nobody() as port, pytest.raises(LinkError, match="cannot be reached"):
        async with link(f"mqtt://w@127.0.0.1:{port}").open():
            pass


async def test_a_wrong_password_is_refused_in_words(fragile: Mosquitto):
    with pytest.raises(LinkError, match="refuses the connection as 'worker'"):
        async with link(f"mqtt://worker:wrong@127.0.0.1:{fragile.port}").open():
            pass
