import pytest
from hypothesis import given
from hypothesis import strategies as st

from simctl.agents.tasks.chain import ChainTasks, critique_of, draw, parse, solve
from simctl.bus.dice import dice

ENV = ChainTasks({10: 300})
PROBLEM = "7k+5l*3m-4"
SOLUTION = "k+5=2l*3=6m-4=2"

problems = st.builds(
    lambda n, seed: str(draw(n, dice(seed))), st.integers(1, 16), st.integers(0, 10**6)
)


def reference(problem: str) -> str:
    parsed = parse(problem)
    assert parsed is not None
    return solve(parsed)


def test_the_documented_problem_has_the_documented_solution():
    assert reference(PROBLEM) == SOLUTION


@given(problems)
def test_a_problem_read_and_written_is_the_same(problem: str):
    assert str(parse(problem)) == problem


@given(problems)
def test_only_the_right_derivation_is_correct(problem: str):
    right = reference(problem)
    assert ENV.grade_attempt(problem, right).parts == {"correct": 1.0, "progress": 1.0}
    for wrong in (right[:-1], right + "a+1=2", "", "nonsense"):
        assert ENV.grade_attempt(problem, wrong).parts["correct"] == 0.0


@given(problems, st.integers(0, 15), st.integers(1, 9))
def test_the_first_wrong_step_is_found_and_the_prefix_before_it_is_kept(
    problem: str, place: int, off: int
):
    right = reference(problem)
    at = place % (len(right) // 5)
    value = (int(right[5 * at + 4]) + off) % 10
    attempt = f"{right[: 5 * at + 4]}{value}{right[5 * at + 5 :]}"
    assert ENV.grade_attempt(problem, attempt).first_wrong == at
    assert ENV.right_prefix(problem, attempt) == right[: 5 * at]


@pytest.mark.parametrize(
    ("attempt", "critique"),
    [
        (SOLUTION, "k+5=2=2.l*3=6=6.m-4=2=2."),
        ("k+5=2l*3=6m-4=8", "k+5=2=2.l*3=6=6.m-4=2=8!"),
        ("k+5=2l*3=6", "k+5=2=2.l*3=6=6.m-4=2!"),
        (SOLUTION + "n+1=3", "k+5=2=2.l*3=6=6.m-4=2=2.!"),
    ],
)
def test_a_critique_stops_after_the_first_wrong_step(attempt: str, critique: str):
    parsed = parse(PROBLEM)
    assert parsed is not None
    assert critique_of(parsed, attempt) == critique
    assert ENV.grade_critique(PROBLEM, attempt, critique).parts == {"exact": 1.0, "verdict": 1.0}


def test_a_false_alarm_is_neither_exact_nor_a_right_verdict():
    grade = ENV.grade_critique(PROBLEM, SOLUTION, "k+5=3=2!")
    assert grade.parts == {"exact": 0.0, "verdict": 0.0}


@pytest.mark.parametrize(
    ("problem", "gate"),
    [
        ("", "parses"),
        ("7k+5l*3m-", "parses"),
        ("7k+5m*3", "labels_follow"),
        (ENV.targets(10, 300)[17], "not_held_out"),
        ("1" + "".join(f"{c}+1" for c in "abcdefghijklmnopqrstuvwxyza"), "length"),
    ],
)
def test_a_problem_that_breaks_a_rule_fails_at_its_gate(problem: str, gate: str):
    checked = ENV.check(problem)
    assert not checked.valid
    assert not checked.gates[gate]


def test_labels_go_round_after_z():
    assert ENV.check("7z+5a*3").valid


def test_a_held_out_target_with_other_labels_is_still_held_out():
    target = parse(ENV.targets(10, 300)[0])
    assert target is not None
    renamed = "".join("abcdefghij"[i] + op for i, (_, op) in enumerate(target.operations))
    assert not ENV.check(f"{target.start}{renamed}").gates["not_held_out"]


@given(st.integers(0, 10**6), st.integers(1, 16))
def test_what_the_family_draws_passes_its_own_gates(seed: int, difficulty: int):
    problem = ENV.draw(difficulty, dice(seed))
    assert ENV.check(problem).valid
    assert ENV.check(problem).difficulty == difficulty


def test_targets_are_the_same_in_every_run_and_a_prefix_of_more():
    assert ENV.targets(10, 300)[:100] == ChainTasks({}).targets(10, 100)


@pytest.mark.parametrize(
    ("problem", "judgement", "right"),
    [("4a-0b*1c+7", "~", 1.0), ("4a-0b*1c+7", "^", 0.0), ("4a-3b*5c+7", "^", 1.0)],
)
def test_a_problem_is_degenerate_when_too_much_of_it_is_idle(
    problem: str, judgement: str, right: float
):
    assert ENV.grade_judgement(problem, judgement).parts["right"] == right


@pytest.mark.parametrize(
    ("partial", "hint", "right"),
    [
        ("k+5=2", "l*3=6", 1.0),
        ("k+5=2", "l*3=7", 0.0),
        ("k+5=3", "l*3=6", 0.0),
        (SOLUTION, "", 0.0),
        (SOLUTION, "n+1=1", 0.0),
    ],
)
def test_a_hint_is_right_when_it_is_the_next_step(partial: str, hint: str, right: float):
    assert ENV.grade_hint(PROBLEM, partial, hint).parts["right"] == right


def test_the_answer_of_a_derivation_is_its_last_value():
    assert ENV.answer_of("k+5=2l*3=6") == "6"
    assert [ENV.answer_of(each) for each in ("", "k+5=2l*", "7k+5", "k+5=2|")] == [""] * 4


def test_the_steps_of_a_derivation_join_to_it_again():
    attempt = "k+5=2l*3=6m-"
    assert ENV.steps(attempt) == ["k+5=2", "l*3=6", "m-"]
    assert "".join(ENV.steps(attempt)) == attempt
