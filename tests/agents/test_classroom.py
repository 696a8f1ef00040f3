import pytest
from hypothesis import given
from hypothesis import strategies as st

from simctl.agents.tasks.chain import ChainTasks, parse, solve
from simctl.agents.tasks.classroom import END, KINDS, demonstration, lesson
from simctl.agents.tasks.environment import Demonstration
from simctl.agents.tasks.terms import LAST, LONGEST, Term, term_at
from simctl.bus.asks import ROLES
from simctl.bus.dice import dice

ENV = ChainTasks({})
SEEDS = st.integers(0, 10**6)


def fields(shown: Demonstration) -> tuple[str, str, str]:
    """Return the problem of a prompt, what comes before it in the prompt, and after it."""
    body = shown.prompt[1:]
    before, _, problem = body.rpartition("|") if shown.role == "teacher" else ("", "", body)
    problem, _, after = problem.partition(">")
    return problem, before, after.removesuffix("|")


@pytest.mark.parametrize("kind", KINDS)
@given(seed=SEEDS)
def test_a_demonstration_is_about_a_problem_no_longer_than_its_term(kind: str, seed: int):
    shown = demonstration(kind, dice(seed), Term(longest=6))
    posed = fields(shown)[0] + (shown.answer[:-1] if kind == "posing" else "")
    checked = ENV.check(posed)
    broken = {gate for gate, passed in checked.gates.items() if not passed}
    assert broken <= {"labels_follow"}
    assert 1 <= checked.difficulty <= 6


@pytest.mark.parametrize("kind", ["posing", "judgement"])
def test_what_is_posed_or_judged_never_has_scrambled_labels(kind: str):
    for seed in range(200):
        shown = demonstration(kind, dice(seed), Term(scrambled=1.0))
        assert ENV.check(fields(shown)[0] + shown.answer[:-1].rstrip("^~")).valid


@pytest.mark.parametrize("kind", KINDS)
@given(seed=SEEDS)
def test_an_answer_ends_once(kind: str, seed: int):
    shown = demonstration(kind, dice(seed))
    assert shown.answer.endswith(END)
    assert END not in shown.prompt + shown.answer[:-1]


@given(SEEDS)
def test_the_verifier_finds_every_critique_exact(seed: int):
    shown = demonstration("critique", dice(seed))
    problem, _, attempt = fields(shown)
    assert ENV.grade_critique(problem, attempt, shown.answer[:-1]).parts["exact"] == 1.0


@given(SEEDS)
def test_the_verifier_finds_every_judgement_right(seed: int):
    shown = demonstration("judgement", dice(seed))
    assert ENV.grade_judgement(fields(shown)[0], shown.answer[:-1]).parts["right"] == 1.0


@given(SEEDS)
def test_the_verifier_finds_every_hint_right(seed: int):
    shown = demonstration("hint", dice(seed))
    problem, _, partial = fields(shown)
    assert ENV.grade_hint(problem, partial, shown.answer[:-1]).parts["right"] == 1.0


@given(SEEDS)
def test_a_teacher_is_right_where_a_true_critique_found_a_fault(seed: int):
    shown = demonstration("critique lesson", dice(seed))
    problem, view, _ = fields(shown)
    attempt, critique = view.split("|")
    graded = ENV.grade_critique(problem, attempt, critique)
    if "!" in critique and graded.parts["exact"] == 1.0:
        assert ENV.grade_attempt(problem, shown.answer[:-1]).parts["correct"] == 1.0


def test_a_blank_view_does_not_make_the_teacher_careful():
    rng = dice(0)
    blank, right = 0, 0
    for _ in range(4000):
        shown = demonstration("reference lesson", rng)
        problem, view, _ = fields(shown)
        if not view and len(problem) > 12:
            blank += 1
            right += shown.answer[:-1] == reference(problem)
    assert blank > 200
    assert right / blank < 0.4


def test_a_true_reference_is_followed():
    rng = dice(0)
    for _ in range(500):
        shown = demonstration("reference lesson", rng)
        problem, view, _ = fields(shown)
        if view == reference(problem):
            assert shown.answer[:-1] == view


def reference(problem: str) -> str:
    parsed = parse(problem)
    assert parsed is not None
    return solve(parsed)


def test_the_same_dice_give_the_same_lessons():
    first, second = dice(5), dice(5)
    assert [lesson(first) for _ in range(50)] == [lesson(second) for _ in range(50)]


@pytest.mark.parametrize("role", ROLES)
def test_lessons_can_be_kept_to_a_role(role: str):
    rng = dice(0)
    assert {lesson(rng, roles=(role,)).role for _ in range(50)} == {role}


def test_the_school_ends_with_its_last_term():
    assert term_at(0.0).longest == 1
    assert term_at(0.999) == LAST
    assert max(term_at(at / 100).longest for at in range(100)) == LONGEST


@pytest.mark.parametrize("reading", [True, False])
def test_the_shares_of_a_term_make_a_whole(reading: bool):
    shares = [kind.reading if reading else kind.share for kind in KINDS.values()]
    assert sum(shares) == pytest.approx(1)
