from typing import Any

import pytest
from pydantic import ValidationError

from simctl.trainer.batch import build, digest
from simctl.trainer.objective import Objective
from simctl.trainer.objectives import Distil, Grpo, Rloo, Sft
from simctl.trainer.sample import Divergence, Sample
from simctl.trainer.settings import Training
from simctl.trainer.trajectory import groups, trajectories

Story = Any  # conftest makes it


def taught(story: Story, *objectives: Objective) -> tuple[list[Sample], dict[str, tuple[int, ...]]]:
    """Return the samples, and what was dropped by reason."""
    batch = build(groups(trajectories(story.events)), objectives)
    return list(batch.samples), {each.reason: each.sources for each in batch.dropped}


def attempts(story: Story, *rewards: float | None) -> list[int]:
    task = story.task()
    return [story.attempt(task, task, (8 + at, 1), reward) for at, reward in enumerate(rewards)]


def test_grpo_weighs_every_token_of_an_answer_by_its_advantage(story: Story) -> None:
    sources = attempts(story, 1.0, 0.0, 0.0, 0.0)
    samples, dropped = taught(story, Grpo(roles=("solver",)))
    assert [sample.source for sample in samples] == sources
    assert [sample.weights[0] for sample in samples] == pytest.approx(
        [1.5, -0.5, -0.5, -0.5], abs=1e-3
    )
    assert all(len(set(sample.weights)) == 1 for sample in samples)
    assert dropped == {}


def test_the_weight_of_an_objective_scales_its_samples(story: Story) -> None:
    attempts(story, 1.0, 0.0)
    once, _ = taught(story, Rloo())
    twice, _ = taught(story, Rloo(weight=2.0))
    assert [tuple(2 * w for w in s.weights) for s in once] == [s.weights for s in twice]


def test_groups_are_never_standardised_by_other_roles(story: Story) -> None:
    attempts(story, 1.0, 0.0)
    alone, _ = taught(story, Grpo(roles=("solver",), scale_rewards="batch"))
    for reward in (90.0, -90.0):
        posed = story.task(prompt=(5,), tokens=(6, 1))
        story.grade(posed, posed, "examiner", reward)
    both, _ = taught(story, Grpo(scale_rewards="batch"))
    assert alone == [sample for sample in both if sample.role == "solver"]


def test_equal_rewards_single_answers_and_missing_grades_are_dropped_with_a_reason(
    story: Story,
) -> None:
    equal = attempts(story, 1.0, 1.0)
    single = attempts(story, 1.0)
    [_, _, missing] = attempts(story, 1.0, 0.0, None)
    samples, dropped = taught(story, Grpo())
    assert len(samples) == 2
    assert dropped == {
        "grpo: zero variance": (*equal, *single),
        "grpo: no grade": (missing,),
    }


def test_an_answer_that_is_exactly_average_does_not_train(story: Story) -> None:
    [_, average, _] = attempts(story, 0.0, 0.5, 1.0)
    samples, dropped = taught(story, Grpo())
    assert len(samples) == 2
    assert dropped == {"grpo: zero advantage": (average,)}


def test_truncated_answers_are_masked_but_stay_in_the_baseline(story: Story) -> None:
    task = story.task()
    story.attempt(task, task, (8, 1), 1.0)
    cut = story.attempt(task, task, (9, 9), 0.0, truncated=True)
    samples, dropped = taught(story, Rloo(mask_truncated_completions=True))
    assert [set(sample.weights) for sample in samples] == [{1.0}]
    assert dropped == {"rloo: truncated": (cut,)}


def test_grpo_loss_lets_answers_count_alike_whatever_their_length(story: Story) -> None:
    task = story.task()
    story.attempt(task, task, (8, 1), 1.0)
    story.attempt(task, task, (8,) * 9 + (1,), 0.0)
    samples, _ = taught(story, Rloo(loss_type="grpo"))
    assert [sum(sample.weights) for sample in samples] == pytest.approx([6.0, -6.0])


def test_sft_keeps_distinct_right_answers_up_to_the_cap(story: Story) -> None:
    task = story.task()
    rights = [story.attempt(task, task, (8 + at, 1), 1.0) for at in (0, 0, 1, 2)]
    wrong = story.attempt(task, task, (20, 1), 0.0)
    samples, dropped = taught(story, Sft(max_per_task=2))
    assert [sample.source for sample in samples] == [rights[0], rights[2]]
    assert dropped == {
        "sft: same answer": (rights[1],),
        "sft: enough of its task": (rights[3],),
        "sft: below threshold": (wrong,),
    }


def test_rehearsal_imitates_demonstrations_and_nothing_else(story: Story) -> None:
    attempts(story, 1.0)
    shown = story.show("critic", (13,), (15, 1))
    samples, dropped = taught(story, Sft(demonstrations=True, weight=0.2))
    assert [(s.source, s.role, s.policy_version, s.weights) for s in samples] == [
        (shown, "critic", None, (0.2, 0.2))
    ]
    assert dropped == {}


def test_demonstrations_are_no_answers_to_compare(story: Story) -> None:
    for _ in range(2):
        story.show("solver", (13,), (15, 1))
    assert taught(story, Grpo(), Sft(), Distil()) == ([], {})


def test_divergence_takes_the_exact_prompt_of_the_lesson(story: Story) -> None:
    task = story.task()
    made = story.attempt(task, task, (8, 1), 0.0)
    lesson = story.lesson(task, made, prompt=(2, 11, 12))
    [sample], _ = taught(story, Distil(direction="jsd", top_k=4, clip=10.0))
    assert (sample.source, sample.teacher_source, sample.teacher_prompt) == (
        made,
        lesson,
        (2, 11, 12),
    )
    assert sample.loss == Divergence(direction="jsd", top_k=4, clip=10.0)


def test_divergence_says_why_an_attempt_is_not_taught(story: Story) -> None:
    task = story.task()
    solved = story.attempt(task, task, (8, 1), 1.0)
    alone = story.attempt(task, task, (9, 1), 0.0)
    other = story.attempt(task, task, (10, 1), 0.0)
    story.lesson(task, other, prompt=(2,), view="blank")
    misled = story.attempt(task, task, (11, 1), 0.0)
    lesson = story.lesson(task, misled, prompt=(2,), tokens=(9, 1), view="critique")
    story.grade(task, lesson, "teacher", 0.0)
    samples, dropped = taught(story, Distil(only="failed", lesson_threshold=1.0))
    assert samples == []
    assert dropped == {
        "divergence: did not fail": (solved,),
        "divergence: no lesson": (alone, other),
        "divergence: failed lesson": (misled,),
    }


def test_the_batch_names_lessons_and_attempts_as_its_sources(story: Story) -> None:
    task = story.task()
    made = story.attempt(task, task, (8, 1), 0.0)
    lesson = story.lesson(task, made, prompt=(2,))
    built = build(groups(trajectories(story.events)), [Distil()]).announce(3)
    assert (built.version, built.sources, built.samples, built.tokens) == (3, (made, lesson), 1, 2)


def test_the_digest_follows_every_weight(story: Story) -> None:
    attempts(story, 1.0, 0.0)
    samples, _ = taught(story, Rloo())
    heavier = [samples[0].model_copy(update={"weights": (9.0, 9.0)}), *samples[1:]]
    assert digest(samples) == digest(list(samples))
    assert digest(samples) != digest(heavier)


@pytest.mark.parametrize(
    ("objective", "complaint"),
    [
        ({"kind": "gpro"}, "does not match any of the expected tags"),
        ({"kind": "grpo", "weight": 0}, "greater than 0"),
        ({"kind": "grpo", "roles": ["solver", "pupil"]}, "'examiner', 'solver'"),
        ({"kind": "sft", "beta": 0.1}, "Extra inputs are not permitted"),
        ({"kind": "divergence", "roles": []}, "at least 1 item"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_told_what_is_wrong(
    objective: dict[str, object], complaint: str
) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Training.model_validate({"objective": [objective]})


def test_every_setting_of_every_objective_is_described() -> None:
    for cls in (Grpo, Rloo, Sft, Distil):
        missing = [n for n, f in cls.model_fields.items() if n != "kind" and not f.description]
        assert missing == []


def test_settings_and_objectives_come_from_the_recipe(tmp_path: Any) -> None:
    recipe = tmp_path / "run.toml"
    recipe.write_text(
        'name = "x"\nseed = 3\n[trainer]\nlearning_rate = 1e-3\n[teacher]\nsync = "frozen"\n'
        '[[objective]]\nkind = "grpo"\nroles = ["solver"]\n'
    )
    read = Training.read(recipe)
    assert (read.seed, read.trainer.learning_rate, read.teacher.sync) == (3, 1e-3, "frozen")
    assert read.objective == (Grpo(roles=("solver",)),)
