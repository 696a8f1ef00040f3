"""Whoever answers first, a round is folded in one order."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from simctl.bus.answers import HintGiven
from simctl.bus.asks import GiveHint
from simctl.bus.event import Draft, Event
from simctl.bus.order import as_asked
from simctl.store.memory_log import ListLog

EPISODES = ("e1.000", "e1.001", "e1.002")


def play(seed: int) -> list[Event]:
    """Let three episodes ask four things at once, twice, and answer them as the dice will."""
    dice, log = Random(seed), ListLog()  # noqa: S311 - nothing is kept secret with it
    number = dict.fromkeys((*EPISODES, "guide"), 0)
    for _ in range(2):
        asked = []
        for episode in dice.sample(EPISODES, 3):
            for _ in range(4):
                ask = GiveHint(task=0, problem=str(number[episode]), partial="")
                draft = Draft(episode, 0, number[episode], ask, "episode", "guide", episode)
                number[episode] += 1
                asked += log.place([draft])
        for event in dice.sample(asked, len(asked)):
            hint = HintGiven(task=0, hint=f"{event.episode} {event.pseq}", partial="")
            cause, episode = event.seq, event.episode
            draft = Draft("guide", 0, number["guide"], hint, "guide", "", episode, cause=cause)
            number["guide"] += 1
            log.place([draft])
    return list(log.read())


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_a_round_is_in_one_order_however_it_was_interleaved(one: int, other: int):
    def told(seed: int) -> list[str]:
        return [event.payload for event in sorted(play(seed), key=as_asked)]

    assert told(one) == told(other)
