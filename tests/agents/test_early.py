"""What the trainer says in flight counts in the round that waits for it, wherever it stands."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from simctl.agents.curricula import Uniform
from simctl.agents.memory import Memory, recall
from simctl.agents.tasks.chain import ChainTasks
from simctl.bus.event import Draft
from simctl.bus.messages import BatchBuilt, RoundEnded, RoundStarted
from simctl.store.memory_log import ListLog

ROUNDS = 6


def played(late: list[int]) -> list[Draft]:
    """A run in which version v is spoken of so many turns after round v has ended."""
    told: list[tuple[float, Draft]] = []
    for number in range(1, ROUNDS + 1):
        for at, message in enumerate((RoundStarted(episodes=1), RoundEnded(episodes=1))):
            pseq = 2 * (number - 1) + at
            told.append((pseq, Draft("society", 0, pseq, message, "society", round=number)))
        built = BatchBuilt(
            version=number, sources=(), samples=1, tokens=1, digest="", teacher_tokens=10**number
        )
        place = 2 * (number - 1) + 1.1 + late[number - 1]
        told.append((place, Draft("trainer", 0, number - 1, built, "trainer", round=number)))
    ordered = sorted(told, key=lambda each: each[0])
    places = [each for each, draft in ordered if draft.producer == "trainer"]
    assert places == sorted(places)
    return [draft for _, draft in ordered]


def states(late: list[int], early: int) -> list[tuple[int, int]]:
    """Return the round and the tokens spent, as remembered when each round has begun."""
    events = ListLog().place(played(late))
    begun = [each.seq for each in events if each.kind == "round_started"]
    return [_remembered(events[:seq], early) for seq in begun]


def _remembered(events: list[object], early: int) -> tuple[int, int]:
    memory: Memory = recall(events, Uniform().begin(ChainTasks({})), early=early)  # type: ignore[arg-type]
    return memory.round, memory.tokens


@given(early=st.integers(1, 3), data=st.data())
def test_where_the_clock_has_it_changes_nothing_that_is_remembered(early: int, data: st.DataObject):
    latest = [2 * early] * ROUNDS  # right after the round that could not end without it
    moved = data.draw(st.lists(st.integers(0, 2 * early), min_size=ROUNDS, max_size=ROUNDS))
    in_order = [min(each + 2 * at for at, each in enumerate(moved[n:])) for n in range(ROUNDS)]
    assert states(in_order, early) == states(latest, early)


def test_each_version_counts_in_one_round():
    found = states([0] * ROUNDS, early=2)
    spent = [after - before for (_, before), (_, after) in pairwise(found)]
    assert spent == [0, 0, 10, 100, 1000]
