"""A family of one's own: functions in a Python file."""

import re
from pathlib import Path

import pytest

from simctl.agents.tasks.environment import TaskError, steps_of
from simctl.agents.tasks.module import ModuleSettings, ModuleTasks
from simctl.bus.dice import dice

LEAST = """
def draw(difficulty, rng):
    return str(rng.randrange(1000))

def solve(problem):
    return str(int(problem) + 1)
"""
GRADED = (
    LEAST
    + """
def grade(problem, attempt):
    return {"1": 0.5, "2": True}.get(attempt, 0)
"""
)


def made(place: Path, text: str, hardest: int = 1) -> ModuleTasks:
    file = place / "mine.py"
    file.write_text(text)
    return ModuleSettings(module=str(file), hardest=hardest).family({})


def test_two_functions_make_a_family(tmp_path: Path):
    env = made(tmp_path, LEAST)
    problem = env.draw(1, dice(0))
    checked = env.check(problem)
    assert (checked.valid, checked.reference) == (True, str(int(problem) + 1))
    assert env.grade_attempt(problem, checked.reference).parts["correct"] == 1.0
    assert env.grade_attempt(problem, problem).parts["correct"] == 0.0


def test_the_docstring_and_an_example_brief_a_chat_model(tmp_path: Path):
    brief = made(tmp_path, '"""Say the next number."""\n' + LEAST).brief()
    assert brief.problems == "Say the next number."
    problem, solution = re.findall(r"\d+", brief.solutions)
    assert int(solution) == int(problem) + 1


def test_what_solve_refuses_is_no_problem(tmp_path: Path):
    gates = made(tmp_path, LEAST).check("seven").gates
    assert gates == {"parses": True, "difficulty": True, "solvable": False, "not_held_out": True}


@pytest.mark.parametrize(
    ("attempt", "parts"), [("1", (0.0, 0.5)), ("2", (1.0, 1.0)), ("3", (0, 0))]
)
def test_a_grade_of_one_is_right_and_a_part_is_progress(
    tmp_path: Path, attempt: str, parts: tuple[float, float]
):
    grade = made(tmp_path, GRADED).grade_attempt("5", attempt)
    assert (grade.parts["correct"], grade.parts["progress"]) == parts


def test_steps_are_right_as_far_as_they_stand_in_the_solution():
    env = ModuleSettings(module="reverse", hardest=3).environment({})
    assert env.grade_attempt("1234", "4391").first_wrong == 2
    assert env.right_prefix("1234", "4391") == "43"
    assert env.grade_critique("1234", "4391", "4.3.9!").parts["exact"] == 1.0
    assert env.grade_hint("1234", "43", "2").parts["right"] == 1.0
    assert steps_of(env, "43") == ["4", "3"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("def draw(d, rng): return '1'", "mine.py has no function 'solve'"),
        (LEAST + "def grade(p, a): return 2", "gives 2: a number from 0 to 1 is wanted"),
        (LEAST + "def grade(p, a): return 1 / 0", "fails: ZeroDivisionError"),
        (LEAST + "def steps(s): return ['x']", r"gives \['x'\]: a list that joins to it again"),
        (LEAST + "def difficulty(p): return 2", "a problem of difficulty 1, not 2, is wanted"),
        (LEAST.replace("return str(rng", "return (rng"), r"draw\(1\) gives \d+: text is wanted"),
    ],
)
def test_what_a_function_does_wrong_is_told_with_what_it_was_asked(
    tmp_path: Path, text: str, told: str
):
    with pytest.raises(TaskError, match=told):
        made(tmp_path, text).grade_attempt(made(tmp_path, text).draw(1, dice(0)), "9")
