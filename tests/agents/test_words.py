"""Word problems are read and worked out exactly, in whatever words a solution stands."""

import pytest

from simctl.agents.tasks.story import parse
from simctl.agents.tasks.words import WordTasks

STORY = "How many pens does Ava have in the end? Ava has 3 pens. Ava buys 4 more. Ava gives away 2."
FAMILY = WordTasks({}, max_value=20)
SOLVED = "3 + 4 = 7\n7 - 2 = 5\nAnswer: 5"


@pytest.mark.parametrize(
    ("attempt", "correct", "first_wrong"),
    [
        (SOLVED, 1.0, None),
        ("First she has 3+4=7 pens.\nThen, of those: 7 - 2 = 5.\nThe answer is **5**.", 1.0, None),
        ("Answer: 5", 1.0, None),  # worked out in the head
        ("3 + 4 = 7\nSo \\boxed{5}", 1.0, None),
        ("3 + 4 = 8\n8 - 2 = 6\nAnswer: 6", 0.0, 0),
        ("3 + 4 = 7\n7 - 2 = 4\nAnswer: 5", 0.0, 1),
        ("3 + 4 = 7\n7 - 2 = 5\nAnswer: 6", 0.0, 2),
        ("7 - 2 = 5\n3 + 4 = 7\nAnswer: 5", 0.0, 1),  # out of order
        ("3 + 4 = 7\n7 - 2 = 5", 0.0, 2),  # no answer
        ("Answer: 55", 0.0, 0),
    ],
)
def test_a_solution_is_right_when_no_sum_is_wrong_and_the_answer_is_there(
    attempt: str, correct: float, first_wrong: int | None
):
    grade = FAMILY.grade_attempt(STORY, attempt)
    assert (grade.parts["correct"], grade.first_wrong) == (correct, first_wrong)


@pytest.mark.parametrize(
    "problem",
    [
        STORY.replace("Ava gives", "Ben gives"),
        STORY.replace("many pens", "many eggs"),
        STORY.replace("buys 4 more", "buys four more"),
        STORY.replace("buys 4 more", "buys 40 more"),
        STORY.replace("gives away 2", "gives away 9"),
        STORY.partition(" Ava buys")[0],
    ],
)
def test_a_story_that_does_not_hold_together_does_not_pass(problem: str):
    assert not FAMILY.check(problem).valid


def test_a_story_is_told_as_it_was_read_and_goes_on_with_another_sentence():
    told = parse(f"{STORY} Ava then has 3 times as many.")
    assert told is not None
    assert (told.values, told.signature) == ([3, 7, 5, 15], "3+4-2*3")


@pytest.mark.parametrize(
    ("critique", "exact", "verdict"),
    [
        ("!", 0.0, 1.0),
        (".!7 - 2 = 5", 1.0, 1.0),
        (".!", 1.0, 1.0),
        ("..", 0.0, 0.0),
        ("", 0.0, 0.0),
    ],
)
def test_a_critique_is_exact_when_it_finds_the_first_wrong_line(
    critique: str, exact: float, verdict: float
):
    attempt = "3 + 4 = 7\n7 - 2 = 4\nAnswer: 4"
    grade = FAMILY.grade_critique(STORY, attempt, critique)
    assert (grade.parts["exact"], grade.parts["verdict"]) == (exact, verdict)


def test_a_hint_is_the_next_line_and_no_more():
    right = [
        FAMILY.grade_hint(STORY, "3 + 4 = 7\n", hint).parts["right"]
        for hint in ("7 - 2 = 5", "So 7-2=5.\n", "7 - 2 = 6", "7 - 2 = 5\nAnswer: 5", "")
    ]
    assert right == [1.0, 1.0, 0.0, 0.0, 0.0]
