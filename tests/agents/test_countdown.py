import pytest
from hypothesis import given
from hypothesis import strategies as st

from simctl.agents.tasks.countdown import CountdownSettings
from simctl.agents.tasks.environment import TaskError
from simctl.bus.dice import dice

ENV = CountdownSettings().environment({2: 5})
PROBLEM = "=6.4.7.5"


@pytest.mark.parametrize("attempt", ["4+7-5", "7+4-5", "7-5+4"])
def test_any_expression_that_reaches_the_target_is_correct(attempt: str):
    assert ENV.grade_attempt(PROBLEM, attempt).parts == {"correct": 1.0, "progress": 1.0}


@pytest.mark.parametrize(
    ("attempt", "progress"),
    [
        ("4+7", 2 / 3),  # the 5 is left
        ("4*7-5", 1 / 3),  # 28 cannot become 6
        ("6", 0.0),  # not given
        ("4+4-5", 1 / 3),  # given once
        ("4-7+5", 1 / 3),  # below 0 on the way
        ("+4+7-5", 0.0),
        ("4+07-5", 1 / 3),
        ("4+7-5 ", 1.0),
    ],
)
def test_progress_is_the_share_of_numbers_before_the_first_wrong_term(
    attempt: str, progress: float
):
    assert ENV.grade_attempt(PROBLEM, attempt).parts == {"correct": 0.0, "progress": progress}


def test_an_expression_is_read_from_left_to_right():
    assert ENV.grade_attempt("=15.2.3.3", "2+3*3").parts["correct"] == 1.0
    assert ENV.grade_attempt("=11.2.3.3", "2+3*3").parts["correct"] == 0.0


@pytest.mark.parametrize(
    ("attempt", "critique"),
    [
        ("4+7-5", "4=4.+7=11.-5=6."),
        ("4*7-5", "4=4.*7!"),
        ("4+7", "4=4.+7=11.!"),
        ("4+7-5-5", "4=4.+7=11.-5=6.-5!"),
        ("", "!"),
    ],
)
def test_a_critique_works_out_each_term_up_to_the_first_wrong_one(attempt: str, critique: str):
    assert ENV.grade_critique(PROBLEM, attempt, critique).parts == {"exact": 1.0, "verdict": 1.0}


@pytest.mark.parametrize(
    ("problem", "gate"),
    [
        ("6.4.7", "parses"),
        ("=6.04.2", "parses"),
        ("=6.10.4", "numbers"),
        ("=12.0.4", "numbers"),
        ("=100.9.8", "target"),
        ("=5.1.1.1.1.1", "length"),
        ("=77.2.3", "solvable"),
        (ENV.targets(2, 5)[3], "not_held_out"),
    ],
)
def test_a_problem_that_breaks_a_rule_fails_at_its_gate(problem: str, gate: str):
    checked = ENV.check(problem)
    assert not checked.valid
    assert not checked.gates[gate]


def test_a_target_with_its_numbers_in_another_order_is_still_held_out():
    target, *numbers = ENV.targets(2, 1)[0].split(".")
    assert not ENV.check(".".join([target, *reversed(numbers)])).gates["not_held_out"]


def test_the_path_has_every_value_on_the_way():
    assert ENV.check("=6.7.4").valid is False
    assert ENV.check("=11.7.4").path == "4=4+7=11"


@given(st.integers(0, 10**6), st.integers(1, 4))
def test_every_right_hint_leads_on_and_no_other_does(seed: int, difficulty: int):
    problem = ENV.draw(difficulty, dice(seed))
    first, *_ = ENV.steps(ENV.check(problem).reference)
    numbers = problem.split(".")[1:]
    for hint in (f"{sign}{number}" for number in numbers for sign in "+-*"):
        right = ENV.grade_hint(problem, first, hint).parts["right"]
        wrong_at = ENV.grade_attempt(problem, first + hint).first_wrong
        assert (right == 1.0) == (wrong_at in (None, 2))


def test_ones_make_a_problem_degenerate():
    assert ENV.grade_judgement("=7.1.7", "~").parts["right"] == 1.0
    assert ENV.grade_judgement("=9.2.7", "^").parts["right"] == 1.0


def test_votes_compare_values():
    assert ENV.answer_of("4+7-5") == ENV.answer_of("2*3") == "6"


def test_more_targets_than_there_are_problems_are_refused():
    with pytest.raises(TaskError, match=r"about 9 problems of difficulty 1; 10 cannot be held out"):
        CountdownSettings().environment({1: 10})


def test_nothing_is_drawn_where_all_is_held_out():
    with pytest.raises(TaskError, match="nearly all countdown problems of difficulty 1"):
        CountdownSettings().environment({1: 9}).draw(1, dice(0))


def test_what_a_problem_takes_is_the_signs_of_a_solution():
    assert ENV.skills(PROBLEM) == ("+", "-")
