"""What a client says is said until it is answered, in order, and nothing overtakes."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simctl.bus.errors import RefusedError
from simctl.bus.event import Draft, Event
from simctl.bus.messages import EpisodeStarted
from simctl.bus.outbox import LARGEST, Outbox
from simctl.bus.parcels import TO_CLIENT, Said, Say, dump, placed
from simctl.store.memory_log import ListLog

EPOCH = 7


def draft(pseq: int) -> Draft:
    return Draft("w", EPOCH, pseq, EpisodeStarted(name=f"e{pseq}"), sender="w")


def answer(say: Say, log: ListLog) -> Said:
    groups = tuple(tuple(map(placed, group, log.place(group))) for group in say.groups)
    return Said(epoch=EPOCH, number=say.number, run=log.run, branch=log.branch, groups=groups)


async def test_what_waits_goes_in_one_parcel_and_later_things_wait_for_the_answer():
    outbox, log = Outbox(), ListLog()
    first, second = outbox.put([draft(0)]), outbox.put([draft(1), draft(2)])
    say = outbox.parcel(EPOCH)
    assert say is not None
    third = outbox.put([draft(3)])
    assert outbox.parcel(EPOCH) == say  # said again
    assert outbox.answer(answer(say, log))
    assert [len(await first), len(await second), third.done()] == [1, 2, False]
    after = outbox.parcel(EPOCH)
    assert after is not None
    assert after.groups == ((draft(3),),)
    third.cancel()


async def test_an_answer_to_an_earlier_parcel_changes_nothing():
    outbox, log = Outbox(), ListLog()
    outbox.put([draft(0)])
    said = answer(outbox.parcel(EPOCH) or pytest.fail("nothing to say"), log)
    assert outbox.answer(said)
    later = outbox.put([draft(1)])
    assert outbox.parcel(EPOCH) is not None
    assert not outbox.answer(said)
    assert not later.done()
    later.cancel()


async def test_a_refused_group_is_its_publishers_fault_alone():
    outbox, log = Outbox(), ListLog()
    bad, good = outbox.put([draft(0)]), outbox.put([draft(1)])
    say = outbox.parcel(EPOCH)
    assert say is not None
    kept = tuple(map(placed, say.groups[1], log.place([draft(0)])))
    outbox.answer(Said(epoch=EPOCH, number=say.number, groups=("no", kept)))
    assert len(await good) == 1
    with pytest.raises(RefusedError, match="no"):
        await bad


async def test_what_is_not_in_the_log_as_it_was_said_comes_whole():
    outbox, log = Outbox(), ListLog()
    [kept] = log.place([replace(draft(0), message=EpisodeStarted(name="another"))])
    answered = outbox.put([draft(0)])
    say = outbox.parcel(EPOCH)
    assert say is not None
    said = Said(epoch=EPOCH, number=say.number, run=log.run, groups=((placed(draft(0), kept),),))
    assert outbox.answer(TO_CLIENT.validate_json(dump(said)))
    assert await answered == [kept]


async def test_an_event_that_cannot_be_made_of_the_draft_is_asked_for_again():
    outbox, log = Outbox(), ListLog()
    waiting = outbox.put([draft(0)])
    say = outbox.parcel(EPOCH)
    assert say is not None
    said = answer(say, log)
    [[place]] = said.groups
    wrong = place.model_copy(update={"hash": "0" * 64})
    assert not outbox.answer(said.model_copy(update={"groups": ((wrong,),)}))
    assert outbox.parcel(EPOCH) == say
    assert outbox.answer(said)
    assert await waiting == list(log.read())


@settings(max_examples=15)
@given(st.lists(st.integers(1, LARGEST + 2), min_size=1, max_size=8))
def test_parcels_have_every_draft_once_in_order_and_no_more_than_fit(sizes: list[int]):
    async def say_all() -> list[int]:
        outbox, log, heard, at = Outbox(), ListLog(), [], 0
        waiting: list[asyncio.Future[list[Event]]] = []
        for size in sizes:
            waiting.append(outbox.put([draft(at + offset) for offset in range(size)]))
            at += size
        while (say := outbox.parcel(EPOCH)) is not None:
            count = sum(map(len, say.groups))
            assert count <= LARGEST or len(say.groups) == 1
            heard += [each.pseq for group in say.groups for each in group]
            outbox.answer(answer(say, log))
        assert all(each.done() for each in waiting)
        return heard

    assert asyncio.run(say_all()) == list(range(sum(sizes)))
