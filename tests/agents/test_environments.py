"""What every family of problems promises."""

import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simctl.agents.policy.alphabet import encode
from simctl.agents.tasks.countdown import CountdownSettings
from simctl.agents.tasks.dataset import DatasetSettings
from simctl.agents.tasks.environment import Demonstrates, Environment, answer_of, steps_of
from simctl.agents.tasks.graph import GraphSettings
from simctl.agents.tasks.module import ModuleSettings
from simctl.agents.tasks.program import ProgramSettings
from simctl.agents.tasks.schooled import ChainSettings
from simctl.agents.tasks.settings import TaskSettings
from simctl.agents.tasks.words import WordSettings
from simctl.bus.asks import ROLES
from simctl.bus.dice import dice

HELD_OUT = {1: 2, 2: 10}


def dataset(grading: Literal["math", "exact"]) -> Environment:
    rows = [
        {"question": f"What is {n} and {n}?", "answer": f"Twice {n} is\n{2 * n}", "hops": 1 + n % 2}
        for n in range(100, 160)
    ]
    with TemporaryDirectory() as folder:
        file = Path(folder) / "rows.json"
        file.write_text(json.dumps(rows))
        settings = DatasetSettings(
            dataset_name=str(file), difficulty_column="hops", grading=grading
        )
        return settings.environment(HELD_OUT)


MADE: dict[str, Callable[[], Environment]] = {
    "chain": lambda: ChainSettings().environment(HELD_OUT),
    "countdown": lambda: CountdownSettings().environment(HELD_OUT),
    "graph": lambda: GraphSettings().environment(HELD_OUT),
    "graph, closed book": lambda: GraphSettings(open_book=False).environment(HELD_OUT),
    "words": lambda: WordSettings().environment(HELD_OUT),
    "program": lambda: ProgramSettings().environment(HELD_OUT),
    "module": lambda: ModuleSettings(module="reverse", hardest=4).environment(HELD_OUT),
    "graded by a function": lambda: CountdownSettings(reward_funcs=("judges:same",)).environment(
        HELD_OUT
    ),
    "dataset": lambda: dataset("exact"),
    "dataset, math": lambda: dataset("math"),
}
WRITABLE = [
    name for name in MADE if "dataset" not in name and name != "words"
]  # by the embedded policy
FAMILIES = {name: make() for name, make in MADE.items()}
every_family = pytest.mark.parametrize("name", FAMILIES)
# what a solver may come up with, the encodings of no alphabet among it
ODD = ["", " ", "!", "=", "?" * 5000, "9" * 5000, "k=7" * 2000, "4+" * 2000, "\ud800\0\n", "٣+٤"]


def some(env: Environment, count: int = 12) -> list[str]:
    return [env.draw(1 + at % 2, dice(at)) for at in range(count)]


@every_family
def test_what_is_drawn_passes_every_gate_and_has_its_difficulty(name: str):
    env = FAMILIES[name]
    for seed in range(12):
        for difficulty in (1, 2):
            checked = env.check(env.draw(difficulty, dice(seed)))
            assert (checked.valid, checked.difficulty) == (True, difficulty)


@every_family
def test_the_reference_is_graded_correct(name: str):
    env = FAMILIES[name]
    for problem in some(env):
        reference = env.check(problem).reference
        grade = env.grade_attempt(problem, reference)
        assert (grade.parts["correct"], grade.parts["progress"]) == (1.0, 1.0)
        assert grade.first_wrong is None
        assert env.right_prefix(problem, reference) == reference


@every_family
def test_a_target_is_never_drawn_and_does_not_pass(name: str):
    env = FAMILIES[name]
    targets = {target for d, count in HELD_OUT.items() for target in env.targets(d, count)}
    assert len(targets) == sum(HELD_OUT.values())
    assert all(not env.check(target).gates["not_held_out"] for target in targets)
    assert targets.isdisjoint(some(env, 200))


@every_family
def test_targets_are_the_same_whatever_else_is_held_out(name: str):
    env = FAMILIES[name]
    assert env.targets(2, 10)[:4] == MADE[name]().targets(2, 4)


# an open book holds every fact, and a chain has no path
@pytest.mark.parametrize("name", [name for name in FAMILIES if name not in {"chain", "graph"}])
def test_reference_and_path_do_not_stand_in_a_problem(name: str):
    env = FAMILIES[name]
    for problem in some(env):
        checked = env.check(problem)
        if checked.difficulty > 1:
            assert checked.reference not in problem
            assert not checked.path or checked.path not in problem


@every_family
@pytest.mark.parametrize("attempt", ODD)
def test_odd_attempts_are_wrong_and_break_nothing(name: str, attempt: str):
    env = FAMILIES[name]
    for problem in some(env, 2):
        grade = env.grade_attempt(problem, attempt)
        assert grade.parts["correct"] == 0.0
        assert all(0.0 <= part <= 1.0 for part in grade.parts.values())
        assert attempt.startswith(env.right_prefix(problem, attempt))


@every_family
@pytest.mark.parametrize("said", ODD)
def test_odd_critiques_judgements_and_hints_earn_nothing_more_than_a_part(name: str, said: str):
    env = FAMILIES[name]
    problem = some(env, 1)[0]
    for grade in (
        env.grade_critique(problem, said, said),
        env.grade_judgement(problem, said),
        env.grade_hint(problem, said, said),
        env.grade_hint(problem, "", said),
    ):
        assert all(0.0 <= part <= 1.0 for part in grade.parts.values())
    assert env.grade_judgement(problem, said).parts["right"] == 0.0


@every_family
@pytest.mark.parametrize("problem", ODD)
def test_an_odd_problem_does_not_pass(name: str, problem: str):
    assert not FAMILIES[name].check(problem).valid


@every_family
@settings(max_examples=30)
@given(st.text(max_size=30))
def test_any_problem_is_judged(name: str, problem: str):
    assert not FAMILIES[name].check(problem).valid


@every_family
def test_the_parts_of_a_grade_are_always_the_same(name: str):
    env = FAMILIES[name]
    keys = {tuple(env.grade_attempt(each, odd).parts) for each in some(env, 4) for odd in ODD[:4]}
    assert len(keys) == 1


@every_family
def test_steps_join_to_what_they_were_cut_from(name: str):
    env = FAMILIES[name]
    for attempt in (*ODD, *(env.check(problem).reference for problem in some(env))):
        assert "".join(steps_of(env, attempt)) == attempt


@every_family
def test_a_reference_has_an_answer(name: str):
    env = FAMILIES[name]
    assert all(answer_of(env, env.check(problem).reference) for problem in some(env))


@every_family
def test_a_hint_that_goes_on_with_the_reference_is_right(name: str):
    env = FAMILIES[name]
    for problem in some(env):
        *known, last = steps_of(env, env.check(problem).reference)
        assert env.grade_hint(problem, "".join(known), last).parts["right"] == 1.0


@pytest.mark.parametrize("made", [CountdownSettings(), GraphSettings(), ProgramSettings()])
def test_there_are_problems_beside_those_that_a_family_holds_out_by_itself(made: TaskSettings):
    env = made.environment(dict(made.ladder))
    assert all(env.check(env.draw(d, dice(d))).valid for d, _ in made.ladder)


@every_family
def test_a_demonstration_asks_a_role_and_ends_once(name: str):
    env = FAMILIES[name]
    assert isinstance(env, Demonstrates)
    for seed in range(60):
        shown = env.demonstration(dice(seed), ROLES, 2)
        assert shown.prompt[0] == dict(zip(ROLES, "#@$%&", strict=True))[shown.role]
        assert shown.answer.rstrip("\n") + "\n" == shown.answer


@pytest.mark.parametrize("name", WRITABLE)
def test_the_embedded_policy_can_read_and_write_all_of_it(name: str):
    env = FAMILIES[name]
    assert isinstance(env, Demonstrates)
    for seed in range(60):
        shown = env.demonstration(dice(seed), ROLES, 6)
        encode(shown.prompt + shown.answer)
    for problem in some(env):
        checked = env.check(problem)
        encode(checked.reference + checked.path)


@pytest.mark.parametrize("name", [name for name in FAMILIES if name != "chain"])
def test_demonstrations_are_right_in_the_eyes_of_the_verifier(name: str):
    env = FAMILIES[name]
    assert isinstance(env, Demonstrates)
    for seed in range(80):
        shown = env.demonstration(dice(seed), ROLES, 2)
        said = shown.answer.removesuffix("\n")
        before, _, field = shown.prompt.rstrip("|").partition(">")
        match shown.role:
            case "solver" | "teacher":
                right = env.grade_attempt(shown.problem, said).parts["correct"]
            case "examiner":
                right = float(
                    env.check(said).valid or said in env.targets(1, 2) + env.targets(2, 10)
                )
            case "critic":
                right = env.grade_critique(shown.problem, field, said).parts["exact"]
            case _ if field:
                right = env.grade_hint(shown.problem, field, said).parts["right"]
            case _:
                right = env.grade_judgement(shown.problem, said).parts["right"]
        assert right == 1.0, (shown, before)
