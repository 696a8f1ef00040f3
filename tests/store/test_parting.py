"""Where two logs part is found by halves, and is where reading both side by side finds it."""

from hypothesis import given
from hypothesis import strategies as st

from simctl.bus.event import Draft
from simctl.bus.messages import RunResumed
from simctl.store.memory_log import ListLog
from simctl.store.parting import event_at, next_difference, shared

NUMBERS = st.lists(st.integers(1, 2), max_size=12)


def log_of(numbers: list[int], wall_us: int) -> ListLog:
    log = ListLog()
    log.place(
        [
            Draft("a", 0, at, RunResumed(incarnation=number), "a", wall_us=wall_us + at)
            for at, number in enumerate(numbers)
        ]
    )
    return log


@given(NUMBERS, NUMBERS)
def test_logs_share_what_both_begin_with(one: list[int], other: list[int]):
    same = 0
    while same < min(len(one), len(other)) and one[same] == other[same]:
        same += 1
    assert shared(log_of(one, 1), log_of(other, 99)) == same


@given(NUMBERS, NUMBERS)
def test_the_next_difference_leaves_the_chain_aside(one: list[int], other: list[int]):
    differing = [at + 1 for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b]
    ours, theirs = log_of(one, 1), log_of(other, 99)
    after = differing[0] if differing else 0
    wanted = next((seq for seq in differing if seq > after), None)
    assert next_difference(ours, theirs, after) == wanted


def test_there_is_no_event_outside_of_a_log():
    log = log_of([1], 1)
    assert [event_at(log, seq) is None for seq in (0, 1, 2)] == [True, False, True]
