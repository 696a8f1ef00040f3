from collections.abc import Sequence

import pytest
from rounds import Told, rounds

from simctl.agents.curricula import Extend
from simctl.agents.curriculum import Syllabus
from simctl.agents.pool import Replay
from simctl.agents.tasks.chain import ChainTasks
from simctl.bus.dice import dice

HALF = Told("p", marks=(1.0, 0.0))
OTHER = Told("q", marks=(1.0, 0.0))
MASTERED = Told("p", marks=(1.0, 1.0))


def after(replay: Replay, *told: Sequence[Told]) -> Syllabus:
    syllabus = Extend(replay=replay).begin(ChainTasks({}))
    for events in rounds(*told):
        syllabus.observe(events)
    return syllabus


def kept(syllabus: Syllabus) -> set[str]:
    return {syllabus.next(0, dice(at)).problem for at in range(60)} - {""}


ALL = Replay(share=1.0)


def test_a_share_of_episodes_solves_again():
    syllabus = after(Replay(share=0.25), [HALF])
    again = [syllabus.next(0, dice(at)).problem for at in range(1000)].count("p")
    assert again == pytest.approx(250, abs=45)
    assert syllabus.moved().weights["replay"] == 0.25


def test_without_a_pool_nothing_is_solved_again():
    assert kept(after(ALL)) == set()
    assert after(ALL).moved().weights["replay"] == 0.0


@pytest.mark.parametrize(
    ("settings", "told", "left"),
    [
        ({}, [[HALF], [OTHER]], "pq"),
        ({}, [[MASTERED]], ""),
        ({}, [[HALF], [MASTERED]], ""),
        ({"evict_solved": False}, [[HALF], [MASTERED]], "p"),
        ({"max_uses": 2}, [[HALF], [HALF]], "p"),
        ({"max_uses": 2}, [[HALF], [HALF], [HALF]], ""),
        ({"max_age": 2}, [[HALF], [OTHER]], "pq"),
        ({"max_age": 2}, [[HALF], [OTHER], [OTHER]], "q"),
        ({"capacity": 1}, [[HALF, OTHER]], "q"),
        ({"min_rate": 0.6}, [[HALF]], ""),
        ({"max_rate": 0.4}, [[HALF]], ""),
        ({}, [[Told("p", marks=(1.0, 0.0), valid=False)]], ""),
        ({}, [[Told("p", marks=(1.0, 0.0), hint="k")]], ""),
    ],
)
def test_problems_leave_by_use_by_age_and_when_they_are_solved(
    settings: dict[str, object], told: list[list[Told]], left: str
):
    assert kept(after(ALL.model_copy(update=settings), *told)) == set(left)


def test_a_pool_is_filled_and_drained_in_turns():
    turns = Replay(fill=2, drain=1, max_uses=9)
    shares = [after(turns, *[[HALF]] * played).moved().weights["replay"] for played in range(1, 7)]
    assert shares == [0.0, 1.0, 0.0, 0.0, 1.0, 0.0]
