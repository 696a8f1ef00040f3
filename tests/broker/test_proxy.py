"""The proxy does what it counts, over a real broker and real clients."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiomqtt
import pytest
from mosquitto import Mosquitto
from proxy import FAULTS, Faults, Proxy, in_thread

TOPIC = "simctl/r/in/w"
N = 40


class Ends:
    """A worker that speaks through the proxy, and an owner that hears without one."""

    def __init__(self, worker: aiomqtt.Client, owner: aiomqtt.Client) -> None:
        self.worker, self._owner = worker, owner

    async def say(self, *texts: bytes) -> None:
        async with asyncio.TaskGroup() as group:
            for text in texts:
                group.create_task(self.worker.publish(TOPIC, text, qos=1))

    async def heard(self) -> list[bytes]:
        """What came until an "end", which the owner says to itself."""
        await self._owner.publish("simctl/r/run", b"end", qos=1)
        texts: list[bytes] = []
        async for message in self._owner.messages:
            if message.payload == b"end":
                return texts
            texts.append(bytes(message.payload))  # type: ignore[arg-type]
        return texts


@asynccontextmanager
async def ends(mosquitto: Mosquitto, proxy: Proxy) -> AsyncIterator[Ends]:
    async with (
        mosquitto.client("owner", "o") as owner,
        mosquitto.client("worker", "w", proxy.port) as worker,
    ):
        await owner.subscribe("simctl/+/in/+", qos=1)
        await owner.subscribe("simctl/+/run", qos=1)
        yield Ends(worker, owner)


async def until_cut(
    mosquitto: Mosquitto, proxy: Proxy, then: Callable[[], None] = lambda: None
) -> None:
    """Say something, do something, and return when the connection has ended."""
    async with mosquitto.client("worker", "w", proxy.port) as worker:
        with contextlib.suppress(aiomqtt.MqttError):
            await worker.publish(TOPIC, b"last")
            then()
            await anext(aiter(worker.messages))


def numbers(n: int = N) -> list[bytes]:
    return [b"%d" % number for number in range(n)]


async def test_without_faults_everything_passes_in_order(mosquitto: Mosquitto):
    async with Proxy(mosquitto.port) as proxy, ends(mosquitto, proxy) as both:
        await both.say(*numbers())
        assert await both.heard() == numbers()
        assert (proxy.passed["up"], proxy.injected) == (N, {})


async def test_what_is_dropped_is_acknowledged_to_its_sender(mosquitto: Mosquitto):
    async with Proxy(mosquitto.port, seed=1) as proxy, ends(mosquitto, proxy) as both:
        proxy.inject(up=Faults(drop=0.3))
        await both.say(*numbers())
        assert len(await both.heard()) == N - proxy.total("drop") < N


async def test_what_is_duplicated_comes_twice(mosquitto: Mosquitto):
    async with Proxy(mosquitto.port, seed=1) as proxy, ends(mosquitto, proxy) as both:
        proxy.inject(up=Faults(duplicate=0.3))
        await both.say(*numbers())
        heard = await both.heard()
        assert len(heard) - len(set(heard)) == proxy.total("duplicate") > 0


async def test_a_number_that_was_duplicated_can_be_used_again(mosquitto: Mosquitto):
    async with Proxy(mosquitto.port) as proxy, ends(mosquitto, proxy) as both:
        proxy.inject(up=Faults(duplicate=1, at_most=1))
        await both.say(*numbers(3))
        assert proxy.total("duplicate") == 1
        await both.say(*numbers(3))
        assert len(await both.heard()) == 7


async def test_what_is_reordered_comes_later_and_once(mosquitto: Mosquitto):
    async with Proxy(mosquitto.port, seed=1) as proxy, ends(mosquitto, proxy) as both:
        proxy.inject(up=Faults(reorder=0.3))
        await both.say(*numbers())
        heard = await both.heard()
        assert proxy.injected["up", "reorder"] > 0
        assert (sorted(heard), heard == numbers()) == (sorted(numbers()), False)


async def test_what_is_delayed_comes_in_order(mosquitto: Mosquitto):
    async with Proxy(mosquitto.port, seed=1) as proxy, ends(mosquitto, proxy) as both:
        proxy.inject(up=Faults(delay=0.1, seconds=0.01))
        await both.say(*numbers())
        assert await both.heard() == numbers()
        assert proxy.total("delay") > 0


async def test_only_the_payload_is_corrupted(mosquitto: Mosquitto):
    async with Proxy(mosquitto.port, seed=1) as proxy, ends(mosquitto, proxy) as both:
        proxy.inject(up=Faults(corrupt=1, at_most=5))
        await both.say(*[b"x" * 50] * N)
        heard = await both.heard()
        assert (len(heard), sum(text != b"x" * 50 for text in heard)) == (N, 5)


@pytest.mark.parametrize("fault", ["cut", "tear"])
async def test_a_cut_ends_the_connection(mosquitto: Mosquitto, fault: str):
    async with Proxy(mosquitto.port) as proxy:
        proxy.inject(up=Faults(**{fault: 1}))
        await until_cut(mosquitto, proxy)
        assert sum(proxy.injected.values()) == 1


async def test_a_client_comes_back_after_a_cut_of_all(mosquitto: Mosquitto):
    async with Proxy(mosquitto.port) as proxy:
        await until_cut(mosquitto, proxy, proxy.cut)
        async with ends(mosquitto, proxy) as both:
            await both.say(b"again")
            assert await both.heard() == [b"again"]


async def test_faults_befall_what_the_broker_says_too(mosquitto: Mosquitto):
    async with (
        Proxy(mosquitto.port) as proxy,
        mosquitto.client("owner", "o") as owner,
        mosquitto.client("reader", "r", proxy.port) as reader,
    ):
        await reader.subscribe("simctl/r/log", qos=1)
        proxy.inject(down=Faults(drop=1, at_most=2, topic="/log"))
        for text in numbers(5):
            await owner.publish("simctl/r/log", text, qos=1)
        assert (await anext(aiter(reader.messages))).payload == b"2"
        assert proxy.injected["down", "drop"] == 2


async def test_what_is_blocked_comes_when_it_is_unblocked(mosquitto: Mosquitto):
    async with Proxy(mosquitto.port) as proxy, ends(mosquitto, proxy) as both:
        proxy.block()
        saying = asyncio.create_task(both.say(b"late"))
        assert await both.heard() == []
        proxy.unblock()
        await saying
        assert await both.heard() == [b"late"]


async def test_one_seed_injects_the_same(mosquitto: Mosquitto):
    async def course(seed: int) -> object:
        async with Proxy(mosquitto.port, seed=seed) as proxy, ends(mosquitto, proxy) as both:
            proxy.inject(up=Faults(drop=0.2, duplicate=0.2, corrupt=0.2))
            await both.say(*numbers())
            return proxy.injected, await both.heard()

    first = await course(3)
    assert await course(3) == first
    assert await course(4) != first


def test_a_proxy_in_a_thread_serves_other_loops(mosquitto: Mosquitto):
    with in_thread(Proxy(mosquitto.port)) as proxy:

        async def speak() -> list[bytes]:
            async with ends(mosquitto, proxy) as both:
                await both.say(b"here")
                return await both.heard()

        assert asyncio.run(speak()) == [b"here"]


@pytest.mark.parametrize("fault", FAULTS)
async def test_nothing_is_injected_after_it_is_switched_off(mosquitto: Mosquitto, fault: str):
    async with Proxy(mosquitto.port) as proxy, ends(mosquitto, proxy) as both:
        proxy.inject(up=Faults(**{fault: 1}))
        proxy.inject()
        await both.say(*numbers(5))
        assert (await both.heard(), proxy.injected) == (numbers(5), {})
