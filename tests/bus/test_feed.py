"""A listener far away hears every event once and in order, whatever the way does to them."""

import asyncio
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from simctl.bus import feed
from simctl.bus.event import Draft
from simctl.bus.feed import Feed
from simctl.bus.messages import EpisodeStarted
from simctl.store.memory_log import ListLog


@given(
    count=st.integers(1, 60),
    start=st.integers(0, 10),
    dice=st.randoms(use_true_random=False),
    loss=st.floats(0, 1),
)
def test_what_is_lost_doubled_or_out_of_order_is_heard_once_and_in_order(
    count: int, start: int, dice: Random, loss: float
):
    log = ListLog()
    log.place([Draft("a", 0, n, EpisodeStarted(name=str(n)), "a") for n in range(start + count)])
    events = list(log.read(start))

    async def hear() -> list[int]:
        reader = Feed(start, lambda after: reader.take(log.read(after, after + 7)))
        arriving = [event for event in events * 2 if dice.random() >= loss]
        dice.shuffle(arriving)
        reader.take(arriving)
        reader.know(start + count)  # a sign of life tells how far the log is
        heard = reader.hear()
        return [(await anext(heard)).seq for _ in range(count)]

    assert asyncio.run(hear()) == [event.seq for event in events]


async def test_a_listener_that_falls_behind_keeps_little_and_misses_nothing():
    log = ListLog()
    many = feed.CAPACITY + 500
    log.place([Draft("a", 0, n, EpisodeStarted(name=str(n)), "a") for n in range(many)])
    reader = Feed(0, lambda after: reader.take(log.read(after, after + 256)))
    reader.take(log.read())
    assert len(reader._waiting) == feed.CAPACITY  # noqa: SLF001 - the bound is on what is kept inside
    heard = reader.hear()
    assert [(await anext(heard)).seq for _ in range(many)] == list(range(1, many + 1))
