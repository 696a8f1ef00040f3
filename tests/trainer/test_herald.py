"""What the trainer says stands where the log says that it is due, however fast it was."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simctl.bus.event import Draft, Event
from simctl.bus.messages import (
    BatchBuilt,
    PlayEnded,
    RoundEnded,
)
from simctl.store.memory_log import ListLog
from simctl.trainer.herald import BatchDiffersError, Herald
from simctl.trainer.lookout import look_out

ROUNDS = 6


def built(version: int, digest: str = "") -> Draft:
    message = BatchBuilt(version=version, sources=(), samples=0, tokens=0, digest=digest)
    return Draft("trainer", 0, version - 1, message, "trainer", round=version)


def rounds(count: int = ROUNDS) -> list[Event]:
    """Return what ends each round, and then what ends them all."""
    ends = [Draft("s", 0, at, RoundEnded(episodes=1), "s", round=at + 1) for at in range(count)]
    over = Draft("s", 0, count, PlayEnded(rounds=count), "s", round=count)
    return ListLog().place([*ends, over])


@given(st.integers(0, 3), st.data())
def test_a_version_is_spoken_of_in_its_turn_and_never_before_it_is_due(
    ahead: int, data: st.DataObject
):
    said: list[int] = []

    def publish(drafts: Sequence[Draft]) -> Sequence[Event]:
        said.extend(draft.round for draft in drafts)
        return ()

    herald, learnt, heard = Herald(publish, ahead, 0), 0, 0
    *ends, over = rounds()
    while heard < ROUNDS or learnt < ROUNDS:
        if learnt < heard and (heard == ROUNDS or data.draw(st.booleans())):
            learnt += 1
            herald.tell(learnt, [built(learnt)])
        else:
            herald.hear(ends[heard])
            heard += 1
        assert said == list(range(1, min(learnt, heard - ahead) + 1))
    herald.hear(over)
    assert said == list(range(1, ROUNDS + 1))


def test_another_batch_than_the_log_has_is_refused_when_it_is_said():
    log = ListLog()
    log.place([built(1, "one")])
    herald = Herald(log.place, 1, 0)
    herald.tell(1, [built(1, "two")])
    with pytest.raises(BatchDiffersError, match="round 1: the log has batch one"):
        herald.hear(rounds(2)[1])


def test_a_lookout_hears_what_comes_while_nobody_asks_for_it():
    ends = rounds()
    told: list[Event] = []
    pages = look_out(iter([ends[:2], ends[2:]]), told.append)
    assert next(pages) == ends[:2]
    assert next(pages) == ends[2:]
    assert told == ends


def test_what_a_lookout_comes_to_grief_over_is_raised_after_what_came_before():
    def pages() -> Any:
        yield rounds()
        raise OSError("gone")

    def ignore(_: Event) -> None:
        pass

    found = look_out(pages(), ignore)
    next(found)
    with pytest.raises(OSError, match="gone"):
        next(found)
