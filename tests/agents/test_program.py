import sys
from collections.abc import Sequence
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import PrivateAttr

from simctl.agents.tasks import stack
from simctl.agents.tasks.environment import TaskError
from simctl.agents.tasks.program import Language, ProgramSettings
from simctl.agents.tasks.sandbox import Ran, Sandbox
from simctl.agents.tasks.stack import INPUTS
from simctl.bus.dice import dice

ENV = ProgramSettings().environment({1: 5})
PROBLEM = "0=3.2=5.7=0.9=2"  # x+3


@pytest.mark.parametrize(
    ("program", "given", "output"),
    [
        ("3a", 9, 2),
        ("3b", 1, 8),
        ("3m", 4, 2),
        ("dm", 7, 9),
        ("3adm", 4, 9),
        ("2sb", 5, 7),  # 2-x
        ("", 4, 4),
        ("a", 4, None),  # one number is not enough
        ("3", 4, None),  # more than one is left
        ("3a ", 4, None),
        ("d" * 40 + "a" * 40, 4, None),  # too long
    ],
)
def test_the_stack_language_means_what_it_says(program: str, given: int, output: int | None):
    assert stack.run(program, given, 10) == output


@given(st.lists(st.sampled_from(stack.STEPS), max_size=3), st.sampled_from([10, 97]))
def test_the_table_knows_the_shortest_program_of_every_behaviour(steps: list[str], modulus: int):
    behaviour = tuple(stack.run("".join(steps), each, modulus) for each in stack.INPUTS)
    [program] = stack.table(modulus, 3).matching(tuple(enumerate(behaviour))).values()
    assert len(program) <= 2 * len(steps)
    assert tuple(stack.run(program, each, modulus) for each in stack.INPUTS) == behaviour


@given(st.lists(st.sampled_from(stack.STEPS), max_size=4), st.integers(0, 9))
def test_the_python_of_a_program_does_the_same(steps: list[str], given: int):
    names: dict[str, object] = {}
    exec(stack.python(steps, 97), names)  # noqa: S102 - it is ours
    assert names["f"](given) == stack.run("".join(steps), given, 97)  # type: ignore[operator]


@pytest.mark.parametrize("program", ["3a", "7b", "1a2a", "3sa"])
def test_any_program_that_gives_all_outputs_is_correct(program: str):
    assert ENV.grade_attempt(PROBLEM, program).parts == {"correct": 1.0, "progress": 1.0}


def test_a_program_is_judged_on_inputs_that_are_not_shown():
    # x*x agrees with x on 0, 1, 5 and 6 alone
    assert ENV.grade_attempt("1=1.2=4.5=5.3=9", "dm").parts["correct"] == 1.0
    assert ENV.grade_attempt("1=1.2=4.5=5.3=9", "").parts == {"correct": 0.0, "progress": 0.4}


@pytest.mark.parametrize(
    ("attempt", "critique"),
    [
        ("3a", "0=3.2=5.7=0.9=2."),
        ("4a", "0=4!"),
        ("a", "0!"),
    ],
)
def test_a_critique_runs_the_examples_up_to_the_first_wrong_one(attempt: str, critique: str):
    assert ENV.grade_critique(PROBLEM, attempt, critique).parts == {"exact": 1.0, "verdict": 1.0}


@pytest.mark.parametrize(
    ("problem", "gate"),
    [
        ("0=3.2=", "parses"),
        ("0=03.2=5", "parses"),
        ("0=3.0=3", "inputs"),
        ("0=3.2=15", "outputs"),
        ("0=0.1=1.2=2", "solvable"),  # nothing is to be done
        ("0=3.1=1.2=3.3=2", "solvable"),
        ("1=3", "determined"),
        (ENV.targets(1, 5)[1], "not_held_out"),
    ],
)
def test_a_problem_that_breaks_a_rule_fails_at_its_gate(problem: str, gate: str):
    checked = ENV.check(problem)
    assert not checked.valid
    assert not checked.gates[gate]


def test_the_path_has_the_values_for_the_first_input():
    assert ENV.check("0=4.1=8.3=6.7=2").path == "1a=14m=4"


def test_what_a_problem_takes_is_the_steps_of_the_shortest_program():
    assert ENV.skills("0=4.1=8.3=6.7=2") == ("1a", "4m")


def test_outputs_that_repeat_make_a_problem_degenerate():
    constant_on_evens = "0=0.2=0.4=0.1=5"
    assert ENV.check(constant_on_evens).degenerate == 0.75
    assert ENV.grade_judgement(PROBLEM, "^").parts["right"] == 1.0


def test_programs_that_do_the_same_agree_in_a_vote():
    assert ENV.answer_of("3a") == ENV.answer_of("1a2a") != ENV.answer_of("4a")
    assert ENV.answer_of("nonsense") == ""


def test_examples_that_tell_nothing_apart_are_refused():
    with pytest.raises(TaskError, match=r"let task.examples be more"):
        ProgramSettings(examples=2, max_steps=4).environment({}).draw(4, dice(0))


class Meeting(Sandbox):
    """A sandbox in which programs run only two at a time: each waits until another is there."""

    _two: Barrier = PrivateAttr(default_factory=lambda: Barrier(2, timeout=120))

    def run(self, program: str, inputs: Sequence[int]) -> Ran:
        self._two.wait()
        return Ran(outcome="finished", outputs=(len(program),) * len(inputs))


def test_python_programs_of_a_group_run_side_by_side_and_each_once():
    language = Language(10, Meeting(at_once=2))
    language.run_all(["f", "ff", "f", "fff", "ffff"])
    assert language.run("fff").outputs == (3,) * len(INPUTS)  # and nobody else need come


@pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux")
def test_a_python_program_is_graded_outside_the_sandbox_on_what_it_returned():
    env = ProgramSettings(language="python").environment({})
    reference = env.check(PROBLEM).reference
    right = env.grade_attempt(PROBLEM, f"Adding three:\n```python\n{reference}```\n")
    wrong = env.grade_attempt(PROBLEM, "def f(x):\n    return 1 // x\n")
    assert (right.parts["correct"], right.parts["finished"]) == (1.0, 1.0)
    assert (wrong.parts["correct"], wrong.parts["failed"]) == (0.0, 0.0)
    assert env.grade_attempt(PROBLEM, "no program").parts["failed"] == 1.0
    assert env.grade_critique(PROBLEM, reference, "0=3.2=5.7=0.9=2.").parts["exact"] == 1.0
    assert env.right_prefix(PROBLEM, "def f(x):\n    return 4\n") == "def f(x):\n"
