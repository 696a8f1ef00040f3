from typing import Any, get_args

import pytest
from pydantic import ValidationError

from simctl.trainer.batch import build, digest
from simctl.trainer.credit import AnyCredit
from simctl.trainer.objective import Objective
from simctl.trainer.objectives import AnyObjective, Appraise, Distil, Grpo, Rloo, Sft
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


def test_pi_distill_draws_teacher_and_student_together_from_both_sides(story: Story) -> None:
    task = story.task()
    made = story.attempt(task, task, (8, 1), 0.0)
    view, answer = (30, 2, 4), (9, 10, 1)
    lesson = story.lesson(task, made, prompt=view, tokens=answer)
    story.grade(task, lesson, "teacher", 1.0)
    theirs = {"roles": ["teacher"], "kinds": ["lesson"]}
    student = Distil.model_validate(theirs | {"context": "bare", "teacher": "own"})
    teacher = Distil.model_validate(theirs | {"teacher": "bare", "direction": "reverse"})
    samples, dropped = taught(story, student, teacher)
    bare = (2, 4, 4)
    assert [(s.source, s.prompt, s.teacher_prompt, s.tokens) for s in samples] == [
        (lesson, bare, view, answer),
        (lesson, view, bare, answer),
    ]
    assert dropped == {}


@pytest.mark.parametrize(
    ("teacher", "taught"), [("lesson", True), ("own", True), ("bare", True), ("base", False)]
)
def test_only_what_compares_with_other_weights_needs_a_teacher(teacher: str, taught: bool) -> None:
    assert Distil.model_validate({"teacher": teacher}).taught == taught
    assert not Grpo().taught


def test_an_anchor_to_the_first_version_has_no_other_prompt(story: Story) -> None:
    [made] = attempts(story, 0.0)
    [sample], _ = taught(story, Distil(teacher="base", direction="reverse"))
    assert (sample.source, sample.teacher_prompt) == (made, None)
    assert sample.loss == Divergence(direction="reverse", against="base")


def test_a_teacher_without_a_bare_prompt_does_not_teach(story: Story) -> None:
    task = story.task()
    lesson = story.lesson(task, task, prompt=(30, 2), tokens=(9, 1))
    samples, dropped = taught(story, Distil(roles=("teacher",), teacher="bare"))
    assert (samples, dropped) == ([], {"divergence: no bare prompt": (lesson,)})


def test_what_went_on_from_a_prefix_has_it_under_the_students_prompt_too(story: Story) -> None:
    task = story.task()
    story.attempt(task, task, (8, 1), 0.0)
    story.proceed(task, (8, 9), (10, 1), 1.0, cause=story.ask(task))
    objective = Distil(kinds=("continued",), context="bare", teacher="own")
    [sample], _ = taught(story, objective)
    assert (sample.prompt, sample.teacher_prompt, sample.tokens) == (
        (2, 4, 4, 8, 9),
        (2, 4, 4, 8, 9),
        (10, 1),
    )


def test_right_answers_alone_can_be_taught(story: Story) -> None:
    right, wrong = attempts(story, 1.0, 0.0)
    for of in (right, wrong):
        story.lesson(right - 1, of, prompt=(2, 11))
    samples, dropped = taught(story, Distil(only="right"))
    assert [sample.source for sample in samples] == [right]
    assert dropped == {"divergence: below threshold": (wrong,)}


def test_a_value_is_drawn_to_how_solutions_that_begin_so_end(story: Story) -> None:
    task = story.task()
    for text, reward in (("ab", 1.0), ("ac", 0.0), ("b", 0.0)):
        story.attempt(task, task, (8, 1), reward, text=text)
    known, unknown = story.estimate(task, "a"), story.estimate(task, "x")
    wordy = story.estimate(task, "b", tokens=(25, 26))
    told = story.estimate(task, "x")
    story.grade(task, told, "critic", 0.0, {"outcome": 0.75})
    samples, dropped = taught(story, Appraise(weight=0.5))
    assert [(s.source, s.tokens, s.target, s.weights) for s in samples] == [
        (known, (25,), 0.5, (0.5,)),
        (told, (25,), 0.75, (0.5,)),
    ]
    assert dropped == {"value: no outcome": (unknown,), "value: not one word": (wordy,)}


@pytest.mark.parametrize(
    "objective",
    [
        {"kind": "grpo"},
        {"kind": "rloo"},
        {"kind": "adpo"},
        {"kind": "reinforce"},
        {"kind": "reinforce", "inline": True},
        {"kind": "nft"},
        {"kind": "sft"},
        {"kind": "sft", "context": "bare"},
        {"kind": "sft", "inline": True},
        {"kind": "preference"},
        {"kind": "preference", "pair": "right_wrong"},
        {"kind": "preference", "pair": "revised"},
        {"kind": "preference", "pair": "stop_go"},
        {"kind": "divergence"},
        {"kind": "divergence", "teacher": "base", "context": "bare"},
        {"kind": "value"},
    ],
    ids=repr,
)
def test_every_objective_learns_from_a_story_with_all_roles_and_accounts_for_each_answer(
    story: Story, objective: dict[str, object]
) -> None:
    task = story.task(prompt=(5,), tokens=(6, 1))
    made = [story.attempt(task, task, (8 + at, 1), float(at == 1), text="a") for at in range(3)]
    ask = story.ask(task)
    for at in range(2):
        story.attempt(task, ask, (12 + at, 1), float(at), hint="h")
    for of in made:
        story.criticise(task, of, (20, 1), 1.0, verdict=False)
        story.revise(task, of, (15, of, 1), 1.0)
        story.lesson(task, of, prompt=(30, 2), tokens=())
    story.estimate(task, "a")
    [only] = Training.model_validate({"objective": [objective]}).objective
    told = trajectories(story.events)
    batch = build(groups(told), [only])
    assert batch.samples
    accounted = {s.source for s in batch.samples} | {x for d in batch.dropped for x in d.sources}
    mine = {
        each.source
        for each in told
        if each.role in only.roles and (not only.kinds or each.sort in only.kinds)
    }
    # an answer may also be the worse one of a pair, or the end of what a better one goes on to
    used = {s.rejected for s in batch.samples} | {s.tokens[-3:] for s in batch.samples}
    assert mine == accounted | {e.source for e in told if e.source in mine and e.tokens in used}


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
    parts = [*get_args(get_args(AnyObjective)[0]), *get_args(get_args(AnyCredit)[0])]
    named = [(cls, name, field) for cls in parts for name, field in cls.model_fields.items()]
    assert len(parts) > 12
    assert [(c, n) for c, n, field in named if n != "kind" and not field.description] == []


def test_settings_and_objectives_come_from_the_recipe(tmp_path: Any) -> None:
    recipe = tmp_path / "run.toml"
    recipe.write_text(
        'name = "x"\nseed = 3\n[trainer]\nlearning_rate = 1e-3\n[teacher]\nsync = "frozen"\n'
        '[[objective]]\nkind = "grpo"\nroles = ["solver"]\n'
    )
    read = Training.read(recipe)
    assert (read.seed, read.trainer.learning_rate, read.teacher.sync) == (3, 1e-3, "frozen")
    assert read.objective == (Grpo(roles=("solver",)),)
