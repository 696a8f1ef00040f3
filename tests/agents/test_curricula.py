from collections import Counter
from collections.abc import Sequence

import pytest
from rounds import Told, rounds

from simctl.agents.curricula import (
    AnyCurriculum,
    Bandit,
    Extend,
    Failures,
    Frontier,
    Ladder,
    Restart,
    Schedule,
    Targets,
    Uniform,
)
from simctl.agents.curricula.bandit import advantages
from simctl.agents.curriculum import Start, Syllabus
from simctl.agents.tasks.chain import ChainTasks
from simctl.agents.tasks.environment import TaskError
from simctl.bus.dice import dice

ENV = ChainTasks({})


def after(curriculum: AnyCurriculum, *told: Sequence[Told], seed: int = 0) -> Syllabus:
    """The curriculum after these rounds."""
    syllabus = curriculum.begin(ENV, seed)
    for events in rounds(*told):
        syllabus.observe(events)
    return syllabus


def starts(syllabus: Syllabus, count: int = 200) -> list[Start]:
    return [syllabus.next(index, dice(0, index)) for index in range(count)]


def weights(syllabus: Syllabus) -> dict[str, float]:
    return syllabus.moved().weights


def solved(level: int, right: int, of: int = 10) -> Told:
    return Told(f"p{level}", level, marks=(1.0,) * right + (0.0,) * (of - right))


# --- frontier and uniform -----------------------------------------------------------------------


def test_the_frontier_weighs_4s_1_minus_s_and_guesses_what_is_beyond():
    found = after(Frontier(min_difficulty=2, max_difficulty=4), [solved(2, 9), solved(3, 5)])
    raw = {"2": 4 * 0.9 * 0.1 + 0.02, "3": 1 + 0.02, "4": 4 * 0.4 * 0.6 + 0.02}
    total = sum(raw.values())
    assert weights(found) == pytest.approx({k: v / total for k, v in raw.items()}, abs=1e-6)


def test_an_earlier_round_counts_seven_tenths():
    curriculum = Frontier(min_difficulty=2, max_difficulty=3)
    other = solved(3, 5)
    syllabus = after(curriculum, [solved(2, 10), other], [solved(2, 0), other])
    assert weights(syllabus) == weights(after(curriculum, [solved(2, 7), other]))


def test_help_does_not_count_as_the_solvers_own_rate():
    alone = Told("p", 3, marks=(1.0, 0.0))
    helped = Told("p", 3, marks=(1.0,) * 8, hint="k+5=2")
    revised = Told("p", 3, marks=(1.0,) * 8, attempt="k+5=3")
    curriculum = Frontier(min_difficulty=3, max_difficulty=4)
    assert weights(after(curriculum, [alone, helped, revised])) == weights(
        after(curriculum, [alone])
    )


def test_uniform_never_moves():
    found = after(Uniform(min_difficulty=2, max_difficulty=5), [solved(2, 10)])
    assert weights(found) == {"2": 0.25, "3": 0.25, "4": 0.25, "5": 0.25}


# --- extend -------------------------------------------------------------------------------------


def test_only_what_was_worth_it_is_extended():
    told = [Told("poor", worth=0.3), Told("good", worth=0.31), Told("bad", worth=1.0, valid=False)]
    drawn = Counter(each.parent for each in starts(after(Extend(), told)))
    assert set(drawn) == {"", "good"}
    assert drawn["good"] == pytest.approx(100, abs=30)


def test_an_episode_knows_the_latest_that_were_posed():
    told = [[Told(f"p{at}", worth=0.0) for at in range(3)], [Told("drawn"), Told("q", worth=0.0)]]
    [start] = starts(after(Extend(recent=3), *told), 1)
    assert start.recent == ("p1", "p2", "q")
    assert starts(after(Extend(), *told), 1)[0].recent == ()


# --- bandit -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("right", "size"), [(0, 0), (1, 0.6), (3, 0.917), (5, 1), (9, 0.6), (10, 0)]
)
def test_the_mean_advantage_of_a_group_is_that_of_its_rate(right: int, size: float):
    sizes = advantages([1.0] * right + [0.0] * (10 - right), scaled=True)
    assert sum(sizes) / 10 == pytest.approx(size, abs=1e-3)


def test_advantages_that_are_not_scaled_are_twice_the_variance():
    assert sum(advantages([1.0, 0.0, 0.0, 0.0], scaled=False)) / 4 == pytest.approx(2 * 0.25 * 0.75)


def test_an_arm_that_teaches_nothing_loses_value_by_each_visit_and_is_never_lost():
    # Q of level 2: 0.5 after a round at s = 1/2, then halved by each round that it has to itself
    curriculum = Bandit(min_difficulty=2, max_difficulty=3, tau=0.1)
    played = [[solved(2, 5)], [solved(2, 10)], [solved(2, 0)]]
    probability = [weights(after(curriculum, *played[:count]))["2"] for count in range(4)]
    # softmax of (Q, 0) at tau = 0.1 for Q = 0, 0.5, 0.25, 0.125
    assert probability == pytest.approx([0.5, 0.993307, 0.924142, 0.777300], abs=1e-6)


def test_an_arm_that_was_not_drawn_keeps_its_value():
    curriculum = Bandit(min_difficulty=2, max_difficulty=4)
    before = weights(after(curriculum, [solved(2, 5)]))
    later = weights(after(curriculum, [solved(2, 5)], [solved(3, 0)]))
    assert later == before


def test_the_bandit_is_paid_with_what_was_paid():
    # the vote paid all alike, whatever was right
    told = [Told("p2", 2, marks=(1.0, 0.0), paid=(1.0, 1.0))]
    assert weights(after(Bandit(min_difficulty=2, max_difficulty=3), told)) == {"2": 0.5, "3": 0.5}


# --- schedule -----------------------------------------------------------------------------------


def levels(syllabus: Syllabus, count: int) -> list[int]:
    return [each.difficulty for each in starts(syllabus, count)]


def test_a_block_goes_from_easy_to_hard():
    schedule = Schedule(min_difficulty=2, max_difficulty=4, block=6)
    assert levels(after(schedule), 8) == [2, 2, 3, 3, 4, 4, 2, 2]


def test_a_block_goes_on_where_the_last_round_ended():
    schedule = Schedule(min_difficulty=2, max_difficulty=4, block=6)
    assert levels(after(schedule, [solved(2, 5)] * 4), 2) == [4, 4]


def test_the_next_block_is_sorted_by_what_is_easy_now():
    schedule = Schedule(min_difficulty=2, max_difficulty=4, block=3)
    told = [solved(2, 1), solved(3, 9), solved(4, 5)]
    assert levels(after(schedule, told), 3) == [3, 4, 2]


def test_a_block_that_has_begun_keeps_its_order():
    schedule = Schedule(min_difficulty=2, max_difficulty=4, block=4)
    told = [solved(2, 1), solved(3, 9)]
    assert levels(after(schedule, told), 6) == [3, 4, 3, 3, 4, 2]


def test_a_schedule_says_what_is_left_of_its_block():
    schedule = Schedule(min_difficulty=2, max_difficulty=3, block=4)
    assert weights(after(schedule, [solved(2, 5)])) == {"2": 0.333333, "3": 0.666667}


# --- ladder -------------------------------------------------------------------------------------

LADDER = Ladder(min_difficulty=3, max_difficulty=6, least=10, stride=2)


def rung(syllabus: Syllabus) -> int:
    return max(int(level) for level in weights(syllabus))


@pytest.mark.parametrize(
    ("told", "frontier"),
    [
        ([], 3),
        ([solved(3, 8)], 3),
        ([solved(3, 9)], 4),
        ([solved(3, 10)], 5),
        ([solved(3, 9, of=9)], 3),  # too few to show it
        ([solved(4, 10)], 3),  # not the frontier
        ([Told("p3", 3, marks=(0.0,) * 10, paid=(1.0,) * 10)], 3),
    ],
)
def test_the_ladder_climbs_when_its_frontier_is_mastered(told: list[Told], frontier: int):
    assert rung(after(LADDER, told)) == frontier


def test_a_ladder_without_a_verifier_climbs_by_the_vote():
    told = [Told("p3", 3, marks=(0.0,) * 10, paid=(1.0,) * 9 + (0.0,))]
    assert rung(after(LADDER.model_copy(update={"mark": "reward"}), told)) == 4


def test_what_is_below_the_frontier_has_the_replay_share_and_the_top_is_the_end():
    told = [[solved(3, 10)], [solved(5, 10)], [solved(6, 10)]]
    found = weights(after(LADDER, *told))
    assert found == {"3": 0.166667, "4": 0.166667, "5": 0.166667, "6": 0.5}


# --- failures -----------------------------------------------------------------------------------


def test_difficulties_are_drawn_as_often_as_they_fail():
    curriculum = Failures(min_difficulty=2, max_difficulty=4, floor=0.1)
    found = weights(after(curriculum, [solved(2, 10), solved(3, 5)]))
    # failure rates 0, 1/2 and, never tried, 1; each with the floor
    assert found == pytest.approx({"2": 0.1 / 1.8, "3": 0.6 / 1.8, "4": 1.1 / 1.8}, abs=1e-6)


def test_problems_that_take_a_failing_skill_are_drawn_most():
    curriculum = Failures(min_difficulty=4, max_difficulty=4, by="skill", candidates=16)
    told = [
        Told("1a*7b+2", 2, marks=(0.0,) * 4),
        Told("1a+2b+3c+4", 3, marks=(1.0,) * 4),
    ]
    syllabus = after(curriculum, told)
    # *7 fails always, +2 half of the time, +3 and +4 never
    assert weights(syllabus) == pytest.approx(
        {"*7": 1.05 / 1.7, "+2": 0.55 / 1.7, "+3": 0.05 / 1.7, "+4": 0.05 / 1.7}, abs=1e-6
    )
    taking = Counter(skill for each in starts(syllabus) for skill in ENV.skills(each.problem))
    assert taking["*7"] > 2 * taking["*8"]


def test_a_family_without_skills_is_told():
    class Unskilled(ChainTasks):
        skills = None  # type: ignore[assignment]

    with pytest.raises(TaskError, match="names no skills"):
        Failures(by="skill").begin(Unskilled({}))


# --- restart ------------------------------------------------------------------------------------

RESTART = Restart(restart_share=1.0)


def restarted(syllabus: Syllabus, count: int = 2000) -> Counter[tuple[str, str]]:
    return Counter((each.problem, each.attempt) for each in starts(syllabus, count))


def test_attempts_are_gone_on_from_as_often_as_the_returns_of_their_group_varied():
    # variances 1/4 and 3/16: 0.571 of the draws are from the first group
    told = [
        Told("p", marks=(1.0, 0.0)),
        Told("q", marks=(1.0, 0.0, 0.0, 0.0)),
        Told("r", marks=(0.0, 0.0)),
    ]
    drawn = restarted(after(RESTART, told))
    assert {problem for problem, _ in drawn} == {"p", "q"}
    # two attempts of 1/4 against four of 3/16
    assert sum(n for (p, _), n in drawn.items() if p == "p") / 2000 == pytest.approx(0.4, abs=0.04)


def test_an_attempt_is_worth_what_began_from_it():
    stale = [Told("p", marks=(1.0, 0.0), texts=("a", "b"))]
    mastered = [Told("p", marks=(1.0, 1.0), texts=("c", "d"), attempt="a")]
    syllabus = after(RESTART, stale, mastered)
    assert set(restarted(syllabus, 50)) == {("p", "b")}
    varied = [Told("p", marks=(1.0, 0.0), texts=("c", "d"), attempt="a")]
    assert set(restarted(after(RESTART, stale, varied))) == {("p", each) for each in "abcd"}


def test_failures_alone_are_kept_where_they_are_wanted():
    curriculum = Restart(restart_share=1.0, keep="failed")
    told = [Told("p", marks=(1.0, 0.0), texts=("a", "b")), Told("q", marks=(0.0,), texts=("c",))]
    assert set(restarted(after(curriculum, told), 50)) == {("p", "b"), ("q", "c")}


def test_attempts_leave_by_age_and_the_least_promising_for_want_of_room():
    told = [Told("p", marks=(1.0, 0.0), texts=("a", "b"))]
    other = [solved(2, 0)]
    aged = Restart(max_age=2)
    assert len(starts(after(aged, told, other))) == 200
    assert [after(aged, told, *[other] * n).moved().pool for n in range(4)] == [2, 2, 0, 0]
    dull = [Told("q", marks=(1.0, *(0.0,) * 7))]
    small = Restart(restart_share=1.0, capacity=2)
    assert set(restarted(after(small, dull, told), 50)) == {("p", "a"), ("p", "b")}


def test_the_rest_begins_with_fresh_problems():
    told = [Told("p", marks=(1.0, 0.0))]
    syllabus = after(Restart(restart_share=0.25), told)
    fresh = [each for each in starts(syllabus, 1000) if not each.problem]
    assert len(fresh) == pytest.approx(750, abs=45)
    assert {each.difficulty for each in fresh} == set(range(2, 17))


# --- targets ------------------------------------------------------------------------------------

TARGETS = Targets(min_difficulty=3, max_difficulty=4, problems=6, attempt_share=0.5)


def test_the_targets_of_a_seed_are_always_the_same_and_another_seed_has_others():
    sets = [
        {each.target or each.problem for each in starts(after(TARGETS, seed=seed))}
        for seed in (0, 0, 1)
    ]
    assert sets[0] == sets[1]
    assert sets[0].isdisjoint(sets[2])
    assert Counter(ENV.check(each).difficulty for each in sets[0]) == {3: 3, 4: 3}


def test_every_unsolved_target_has_its_turn():
    asked = [each.target or each.problem for each in starts(after(TARGETS), 6)]
    assert len(set(asked)) == 6
    later = after(TARGETS, [Told("p")] * 2)
    assert [each.target or each.problem for each in starts(later, 4)] == asked[2:]


def test_a_target_is_conjectured_towards_from_its_own_beginning():
    drawn = starts(after(TARGETS))
    posed = [each for each in drawn if each.target]
    assert len(posed) == pytest.approx(100, abs=30)
    assert all(each.target.startswith(each.parent) and each.parent != each.target for each in posed)
    assert any(each.parent for each in posed)


def test_a_target_that_was_ever_solved_is_no_target_any_more():
    first = starts(after(TARGETS), 1)[0]
    target = first.target or first.problem
    done = Told(target, 3, marks=(0.0, 1.0))
    helped = Told(target, 3, marks=(1.0,), hint="k+5=2")
    asked = {each.target or each.problem for each in starts(after(TARGETS, [done], [solved(2, 0)]))}
    assert target not in asked
    assert len(asked) == 5
    assert after(TARGETS, [helped]).moved().pool == 6
    assert weights(after(TARGETS, [done]))["solved"] == pytest.approx(1 / 6, abs=1e-6)


def test_when_all_are_solved_they_are_practised():
    every = {each.target or each.problem for each in starts(after(TARGETS))}
    syllabus = after(TARGETS, [Told(each, marks=(1.0,)) for each in every])
    assert {each.problem for each in starts(syllabus)} == every
    assert syllabus.moved().pool == 0


def test_a_beginning_that_is_held_out_is_no_parent():
    kept_off = ChainTasks({1: 20_000})
    towards = Targets(min_difficulty=2, max_difficulty=2, problems=5, attempt_share=0.0)
    assert {each.parent for each in starts(towards.begin(kept_off))} == {""}
    assert {each.parent for each in starts(towards.begin(ENV))} != {""}
