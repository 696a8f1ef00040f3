from typing import Any

import pytest

from simctl.trainer.batch import build
from simctl.trainer.context import NoBarePromptError, bare, inline, own
from simctl.trainer.links import Links
from simctl.trainer.objectives import Reinforce, Sft
from simctl.trainer.trajectory import Trajectory, groups, trajectories

Story = Any  # conftest makes it
BARE = (2, 3, 4)
LOGPROB = pytest.approx(-3.4)


@pytest.fixture
def task(story: Story) -> int:
    """Seven tasks in, the prompt of an attempt is BARE."""
    for _ in range(6):
        story.task()
    seq: int = story.task()
    return seq


def linked(story: Story) -> tuple[Links, dict[int, Trajectory]]:
    told = trajectories(story.events)
    return Links(groups(told)), {each.source: each for each in told}


def test_an_unaided_answer_is_its_own_bare_rendering(story: Story, task: int) -> None:
    made = story.attempt(task, task, (8, 1), 0.0)
    links, told = linked(story)
    assert bare(told[made], links) == own(told[made])


@pytest.mark.parametrize("correct", [True, False])
def test_a_hinted_attempt_takes_the_bare_prompt_and_keeps_its_own_ratio_if_wanted(
    story: Story, task: int, correct: bool
) -> None:
    story.attempt(task, task, (8, 1), 0.0)
    hinted = story.attempt(task, story.ask(task), (9, 10, 1), 1.0, hint="h")
    links, told = linked(story)
    found = bare(told[hinted], links, correct_ratio=correct)
    assert (found.prompt, found.tokens) == (BARE, (9, 10, 1))
    assert found.logprobs == (told[hinted].logprobs if correct else ())


def test_without_an_unaided_attempt_there_is_no_bare_prompt(story: Story, task: int) -> None:
    hinted = story.attempt(task, story.ask(task), (9, 1), 1.0, hint="h")
    batch = build(groups(trajectories(story.events)), [Sft(context="bare")])
    assert batch.samples == ()
    assert [(each.reason, each.sources) for each in batch.dropped] == [
        ("sft: no bare prompt", (hinted,))
    ]


def test_a_critique_with_the_reference_in_view_trains_as_an_ordinary_one(
    story: Story, task: int
) -> None:
    made = story.attempt(task, task, (8, 1), 0.0)
    story.criticise(task, made, (20, 1))
    seeing = story.criticise(task, made, (23, 1), privileged=True)
    links, told = linked(story)
    assert bare(told[seeing], links).prompt == (21, made)
    assert told[seeing].role == "teacher"


@pytest.mark.parametrize(("share", "weights"), [(0.0, (0, 0, 2, 2)), (1.0, (2, 2, 2, 2))])
def test_a_prefix_is_spliced_before_the_continuation(
    story: Story, task: int, share: float, weights: tuple[float, ...]
) -> None:
    story.attempt(task, task, (8, 1), 0.0)
    going_on = story.proceed(task, (8, 9), (10, 1), 1.0, cause=story.ask(task))
    links, told = linked(story)
    found = bare(told[going_on], links, prefix_share=share)
    assert (found.prompt, found.tokens) == (BARE, (8, 9, 10, 1))
    assert found.weights(lambda _: 2.0) == weights
    # what is masked was not sampled; what is sampled was sampled right here
    assert found.logprobs == (() if share else (0.0, 0.0, LOGPROB, LOGPROB))


def test_a_prompt_that_does_not_hold_the_tasks_is_not_spliced(story: Story, task: int) -> None:
    story.attempt(task, task, (8, 1), 0.0)
    story.task()  # the next attempt has another prompt
    odd = story.proceed(task, (8,), (10, 1), 1.0, cause=story.ask(task))
    links, told = linked(story)
    with pytest.raises(NoBarePromptError, match=f"event {odd}"):
        bare(told[odd], links)


def test_inline_puts_sampled_ids_together_and_drops_end_tokens_in_the_middle(
    story: Story, task: int
) -> None:
    made = story.attempt(task, task, (8, 9, 1), 0.0)
    story.criticise(task, made, (20, 1))
    mended = story.revise(task, made, (10, 1), 1.0)
    links, told = linked(story)
    found = inline(told[mended], links)
    assert (found.prompt, found.tokens, found.logprobs) == (BARE, (8, 9, 20, 10, 1), ())


def test_a_truncated_answer_has_no_end_token_to_drop(story: Story, task: int) -> None:
    made = story.attempt(task, task, (8, 9), 0.0, truncated=True)
    mended = story.revise(task, made, (10, 1), 1.0)
    links, told = linked(story)
    assert inline(told[mended], links).tokens == (8, 9, 10, 1)


def test_imitation_weighs_attempt_critique_and_revision_apart(story: Story, task: int) -> None:
    made = story.attempt(task, task, (8, 1), 0.0)
    story.criticise(task, made, (20, 1), 1.0)
    story.revise(task, made, (10, 1), 1.0)
    objective = Sft(inline=True, shares=(0.0, 0.5, 1.0))
    [sample] = build(groups(trajectories(story.events)), [objective]).samples
    assert sample.weights == (0.0, 0.5, 1.0, 1.0)


def test_inline_reinforcement_gives_each_part_its_own_advantage(story: Story, task: int) -> None:
    for reward in (0.0, 1.0):
        made = story.attempt(task, task, (8 + int(reward), 1), reward)
        story.criticise(task, made, (20, 1), 1.0 - reward)
        story.revise(task, made, (10, 1), 1.0)
    objective = Reinforce(inline=True, baseline="batch")
    samples = build(groups(trajectories(story.events)), [objective]).samples
    assert [sample.weights for sample in samples] == [(-0.5, 0.5, 0, 0), (0.5, -0.5, 0, 0)]
    assert [sample.logprobs for sample in samples] == [(), ()]


def test_what_a_credit_makes_of_rewards_does_not_loosen_what_belongs_together(
    story: Story, task: int
) -> None:
    made = story.attempt(task, task, (8, 1), 0.0)
    story.criticise(task, made, (20, 1), 1.0)
    story.revise(task, made, (10, 1), 1.0)
    for kind in ("critique", "revised"):
        objective = Sft.model_validate(
            {"inline": True, "accept": "all", "kinds": [kind], "credit": [{"kind": "whiten"}]}
        )
        samples = build(groups(trajectories(story.events)), [objective]).samples
        found = [sample.tokens for sample in samples]
        assert found == ([(8, 20, 10, 1)] if kind == "revised" else [])


def test_a_remark_trains_by_the_advantage_of_the_answer_that_it_led_to(
    story: Story, task: int
) -> None:
    for reward in (0.0, 1.0):
        made = story.attempt(task, task, (8 + int(reward), 1), 0.0)
        story.criticise(task, made, (20, 1))
        story.revise(task, made, (10, 1), reward)
    objective = Reinforce(inline=True, remarks=True, baseline="batch", kinds=("revised",))
    samples = build(groups(trajectories(story.events)), [objective]).samples
    assert [sample.weights for sample in samples] == [(0, -0.5, -0.5, -0.5), (0, 0.5, 0.5, 0.5)]
