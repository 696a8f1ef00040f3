import pytest

from simctl.agents.tasks.chain import draw, parse, solve
from simctl.agents.tasks.pupils import Pupil, class_solution, flawed_attempt, pupil
from simctl.bus.dice import dice


def problem(text: str):
    parsed = parse(text)
    assert parsed is not None
    return parsed


@pytest.mark.parametrize(
    ("who", "asked", "written"),
    [
        (Pupil(), "7k+5l*3m-4", "k+5=2l*3=6m-4=2"),
        (Pupil(reverses=True), "3a-8b-2", "a-8=5b-2=7"),
        (Pupil(keeps_tens=True), "7a*8b*1", "a*8=5b*1=5"),
        (Pupil(saturates=True), "7a+5b+0c-4", "a+5=9b+0=9c-4=5"),
        (Pupil(reverses=True, keeps_tens=True, saturates=True), "2a*3b+3", "a*3=6b+3=9"),
        (Pupil(reverses=True, habit=0.0), "3a-8b-2", "a-8=5b-2=3"),
    ],
)
def test_a_pupil_works_by_its_misconceptions(who: Pupil, asked: str, written: str):
    assert who.solve(problem(asked), dice(0)) == written


def test_whoever_always_slips_still_writes_down_the_operations():
    posed = problem("7k+5l*3m-4")
    written = Pupil(slips=1.0).solve(posed, dice(1))
    assert [written[at : at + 4] for at in (0, 5, 10)] == ["k+5=", "l*3=", "m-4="]


def test_the_class_is_a_minority_of_careful_pupils():
    rng = dice(0)
    drawn = [pupil(rng) for _ in range(2000)]
    careful = sum(not (p.reverses or p.keeps_tens or p.saturates) for p in drawn)
    assert 0.02 < careful / len(drawn) < 0.25


def test_the_class_seldom_solves_a_long_problem():
    rng = dice(0)
    problems = [draw(10, rng) for _ in range(1000)]
    right = sum(class_solution(posed, rng) == solve(posed) for posed in problems)
    assert 0 < right / len(problems) < 0.2


def test_a_flawed_attempt_is_wrong():
    rng = dice(0)
    problems = [draw(1 + at % 10, rng) for at in range(500)]
    assert all(flawed_attempt(posed, rng) != solve(posed) for posed in problems)
