"""What tests over a real broker rely on."""

import asyncio

from mosquitto import Mosquitto

PAYLOAD = b"x" * 1000


async def test_a_restart_keeps_port_users_and_retained_messages(mosquitto: Mosquitto):
    before = mosquitto.url()
    async with mosquitto.client("owner", "a") as client:
        await client.publish("simctl/kept/run", b"here", qos=1, retain=True)
    mosquitto.stop()
    mosquitto.start()
    assert mosquitto.url() == before
    async with mosquitto.client("reader", "b") as client:
        await client.subscribe("simctl/kept/run", qos=1)
        assert (await anext(aiter(client.messages))).payload == b"here"


async def test_a_killed_broker_listens_again_on_its_port(mosquitto: Mosquitto):
    before = mosquitto.url(), mosquitto.pid
    mosquitto.kill()
    mosquitto.start()
    async with mosquitto.client("owner", "a"):
        assert mosquitto.url() == before[0]
        assert mosquitto.pid != before[1]


async def test_what_the_broker_drops_is_counted():
    with Mosquitto(queued=10_000) as small:
        async with small.client("reader", "slow", session=60) as slow:
            await slow.subscribe("simctl/r/log", qos=1)
        async with small.client("owner", "quick") as quick:
            for _ in range(300):
                await quick.publish("simctl/r/log", PAYLOAD, qos=1)
        async with asyncio.timeout(120):
            assert 0 < await small.dropped(at_least=1) < 300
