from typing import Any

import pytest

from simctl.trainer.batch import build
from simctl.trainer.objectives import Prefer
from simctl.trainer.sample import Sample
from simctl.trainer.trajectory import groups, trajectories

Story = Any  # conftest makes it
PREFIX = "preference: "


def paired(story: Story, **fields: Any) -> tuple[list[Sample], dict[str, list[int]]]:
    """Return the pairs, and what was dropped by reason."""
    batch = build(groups(trajectories(story.events)), [Prefer.model_validate(fields)])
    dropped = {each.reason.removeprefix(PREFIX): list(each.sources) for each in batch.dropped}
    return list(batch.samples), dropped


def answers(story: Story, *lengths_and_rewards: tuple[int, float]) -> list[int]:
    task = story.task()
    return [
        story.attempt(task, task, (*[8 + at] * (length - 1), 1), reward)
        for at, (length, reward) in enumerate(lengths_and_rewards)
    ]


def test_the_best_answer_is_preferred_to_the_worst(story: Story) -> None:
    given = answers(story, (2, 0.5), (3, 1.0), (4, 0.0))
    [sample], dropped = paired(story, beta=0.3, nll=0.1, weight=2.0)
    assert (sample.source, sample.rejected) == (given[1], (10, 10, 10, 1))
    assert (sample.weights, sample.logprobs) == ((2.0,) * 3, (pytest.approx(-3.4),) * 3)
    assert sample.loss.model_dump() == {"kind": "preference", "beta": 0.3, "nll": 0.1}
    assert dropped == {"no pair": given[:1]}


def test_ties_are_dropped(story: Story) -> None:
    given = answers(story, (2, 1.0), (3, 1.0))
    assert paired(story) == ([], {"no pair": given})


@pytest.mark.parametrize(("top", "chosen"), [(0.0, 0), (0.2, 2), (0.5, 3)])
def test_near_the_best_the_shortest_is_preferred_and_of_the_worst_the_longest_rejected(
    story: Story, top: float, chosen: int
) -> None:
    # summed log-probabilities favour long answers, so that choice is by length
    given = answers(story, (6, 10.0), (7, 10.0), (4, 9.0), (2, 6.0), (3, 0.0), (5, 0.0))
    [sample], _ = paired(story, top=top)
    assert (sample.source, len(sample.rejected or ())) == (given[chosen], 5)


def test_every_right_answer_is_preferred_to_every_wrong_one(story: Story) -> None:
    given = answers(story, (2, 1.0), (3, 1.0), (2, 0.0), (3, 0.0), (4, 0.0))
    found, _ = paired(story, pair="right_wrong")
    pairs = [(sample.source, len(sample.rejected or ())) for sample in found]
    assert sorted(pairs) == [(seq, n) for seq in given[:2] for n in (2, 3, 4)]
    some, _ = paired(story, pair="right_wrong", max_pairs=2)
    assert [(s.source, len(s.rejected or ())) for s in some] == [(given[0], 2), (given[1], 3)]


def test_answers_to_different_prompts_make_no_pair(story: Story) -> None:
    given = [*answers(story, (2, 1.0)), *answers(story, (2, 0.0))]
    assert paired(story, pair="right_wrong") == ([], {"no pair": given})


def test_equal_answers_make_no_pair(story: Story) -> None:
    task = story.task()
    given = [story.attempt(task, task, (8, 1), reward) for reward in (1.0, 0.0)]
    assert paired(story) == ([], {"no pair": given})


def test_a_revision_is_preferred_to_what_it_improved_on_under_the_tasks_prompt(
    story: Story,
) -> None:
    task = story.task()
    wrong, right = (story.attempt(task, task, (8 + at, 1), float(at)) for at in range(2))
    better = story.revise(task, wrong, (10, 1), 1.0)
    worse = story.revise(task, right, (11, 1), 0.0)
    [sample], _ = paired(story, pair="revised")
    assert (sample.source, sample.tokens, sample.rejected) == (better, (10, 1), (8, 1))
    assert (sample.prompt, sample.logprobs) == ((2, 4, 4), ())
    assert worse != better


def test_a_teachers_solution_is_preferred_to_the_solvers_wrong_one(story: Story) -> None:
    task = story.task()
    wrong = story.attempt(task, task, (8, 1), 0.0)
    lesson = story.lesson(task, wrong, prompt=(30, 2), tokens=(9, 1))
    story.grade(task, lesson, "teacher", 1.0)
    [sample], _ = paired(story, pair="right_wrong")
    assert (sample.role, sample.prompt, sample.rejected) == ("teacher", (2, 4, 4), (8, 1))


@pytest.mark.parametrize("right", [True, False])
def test_to_stop_is_preferred_after_a_right_attempt_and_to_doubt_after_a_wrong_one(
    story: Story, *, right: bool
) -> None:
    task = story.task()
    made = story.attempt(task, task, (8, 1), float(right))
    story.criticise(task, made, (20, 1), verdict=False)
    [sample], _ = paired(story, pair="stop_go")
    assert sample.prompt == (2, 4, 4, 8)
    assert (sample.tokens, sample.rejected) == (((1,), (20, 1)) if right else ((20, 1), (1,)))


def test_to_doubt_goes_on_to_the_revision_where_that_is_right(story: Story) -> None:
    task = story.task()
    made = story.attempt(task, task, (8, 1), 0.0)
    story.criticise(task, made, (20, 1), verdict=False)
    story.revise(task, made, (9, 1), 1.0)
    found, _ = paired(story, pair="stop_go", kinds=["attempt"])
    assert [(sample.tokens, sample.rejected) for sample in found] == [((20, 9, 1), (1,))]


def test_an_attempt_that_nobody_doubted_or_that_never_ended_has_no_such_pair(story: Story) -> None:
    task = story.task()
    alone = story.attempt(task, task, (8, 1), 0.0)
    cut = story.attempt(task, task, (9, 9), 0.0, truncated=True)
    story.criticise(task, cut, (20, 1), verdict=False)
    praised = story.attempt(task, task, (10, 1), 0.0)
    story.criticise(task, praised, (20, 1), verdict=True)
    found, dropped = paired(story, pair="stop_go", kinds=["attempt"])
    assert (found, dropped) == ([], {"no pair": [alone, cut, praised]})


def test_pairs_weigh_by_the_entropy_of_their_task(story: Story) -> None:
    for shares in ((0.5, 0.5), (0.9, 0.1)):
        task = story.task()
        for at, share in enumerate(shares):
            story.attempt(task, task, (8 + at, 1), float(at == 0), parts={"share": share})
    found, _ = paired(story, weigh="entropy")
    # -(log 1/2) = 0.693; the mean of -log 0.9 and -log 0.1 is 1.204
    ratio = found[1].weights[0] / found[0].weights[0]
    assert ratio == pytest.approx(1.204 / 0.693, abs=1e-2)
    assert found[0].weights[0] + found[1].weights[0] == pytest.approx(2.0)


def test_a_privileged_solution_is_preferred_to_the_worst_attempt_if_it_is_better(
    story: Story,
) -> None:
    given = answers(story, (2, 1.0), (3, 0.0))
    task = 1
    taught = story.lesson(task, given[1], (2, 5, 5), (7, 7, 1))
    assert paired(story, pair="decoupled", roles=["solver", "teacher"])[0] == []
    story.grade(task, taught, "teacher", 1.0)
    [sample], _ = paired(story, pair="decoupled", roles=["solver", "teacher"])
    assert (sample.source, sample.rejected) == (taught, (9, 9, 1))
    assert (
        sample.prompt == next(e for e in story.events if e.seq == given[0]).utterance.prompt_tokens
    )


def test_privileged_solutions_no_better_than_attempts_make_no_pair(story: Story) -> None:
    given = answers(story, (2, 0.0), (3, 0.0))
    story.grade(1, story.lesson(1, given[1], (2, 5, 5), (7, 7, 1)), "teacher", 0.0)
    assert paired(story, pair="decoupled", roles=["solver", "teacher"])[0] == []
