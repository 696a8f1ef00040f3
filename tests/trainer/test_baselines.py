from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simctl.trainer.advantages import leave_one_out, reliability, widening
from simctl.trainer.batch import build
from simctl.trainer.objective import Objective
from simctl.trainer.objectives import Adpo, Grpo, Nft, Reinforce, Rloo
from simctl.trainer.objectives.nft import question_weight
from simctl.trainer.sample import ImplicitNegative, PolicyGradient
from simctl.trainer.trajectory import groups, trajectories

Story = Any  # conftest makes it
HALF = 0.5**0.5  # of two rewards that differ by 1, the distance from their mean over std with n - 1


def weights(story: Story, *objectives: Objective) -> dict[int, float]:
    samples = build(groups(trajectories(story.events)), objectives).samples
    return {sample.source: sample.weights[0] for sample in samples}


def attempts(story: Story, *rewards: float) -> list[int]:
    task = story.task()
    return [story.attempt(task, task, (8 + at, 1), reward) for at, reward in enumerate(rewards)]


def near(values: dict[int, float]) -> dict[int, Any]:
    return {source: pytest.approx(value, abs=1e-3) for source, value in values.items()}


def test_without_a_baseline_right_answers_train_even_where_all_are_right(story: Story) -> None:
    mixed, right = attempts(story, 1.0, 0.0), attempts(story, 1.0, 1.0)
    found = weights(story, Reinforce(baseline="none"))
    assert found == {mixed[0]: 1.0, right[0]: 1.0, right[1]: 1.0}


def test_sgs_learns_from_right_answers_to_hard_tasks(story: Story) -> None:
    attempts(story, 1.0, 1.0, 0.0)
    hard = attempts(story, 1.0, 0.0)
    assert weights(story, Reinforce(baseline="none", band=(0.0, 0.5))) == {hard[0]: 1.0}


def test_the_baseline_of_a_batch_is_the_mean_of_its_role_and_kind(story: Story) -> None:
    [right], [wrong] = attempts(story, 1.0), attempts(story, 0.0)
    story.revise(story.task(), wrong, (10, 1), 9.0)
    alone = Reinforce(baseline="batch", kinds=("attempt",))
    assert weights(story, Reinforce(baseline="batch")) == weights(story, alone)
    assert weights(story, alone) == {right: 0.5, wrong: -0.5}


def test_reinforce_plus_plus_whitens_each_role_and_kind_by_itself(story: Story) -> None:
    [right], [wrong] = attempts(story, 1.0), attempts(story, 0.0)
    objective = Reinforce(baseline="batch", scale_rewards="batch")
    before = weights(story, objective)
    for reward in (100.0, -100.0):
        posed = story.task(prompt=(5,), tokens=(6, 1))
        story.grade(posed, posed, "examiner", reward)
    after = weights(story, objective)
    assert before == near({right: HALF, wrong: -HALF})
    assert {source: after[source] for source in before} == before
    examiner = [weight for source, weight in after.items() if source not in before]
    assert examiner == pytest.approx([HALF, -HALF], abs=1e-3)


def test_a_revision_is_measured_by_the_first_attempts(story: Story) -> None:
    firsts = attempts(story, 1.0, 0.0, 0.0, 0.0)
    task = firsts[0] - 1
    revised = [story.revise(task, of, (10, of, 1), 1.0) for of in firsts[1:]]
    first_turn = Reinforce(baseline="first_turn", kinds=("revised",))
    own = Reinforce(baseline="group", kinds=("revised",))
    assert weights(story, first_turn) == dict.fromkeys(revised, 0.75)
    assert weights(story, own) == {}  # against their own mean, three right ones teach nothing


def test_hinted_attempts_are_measured_by_all_attempts_at_the_task(story: Story) -> None:
    plain = attempts(story, 0.0, 0.0)
    task = plain[0] - 1
    ask = story.ask(task)
    hinted = [story.attempt(task, ask, (10 + at, 1), float(at), hint="h") for at in range(2)]
    found = weights(story, Reinforce(baseline="task"))
    assert found == dict.fromkeys([*plain, hinted[0]], -0.25) | {hinted[1]: 0.75}


def test_guide_corrects_a_hinted_answer_to_the_prompt_without_the_hint(story: Story) -> None:
    [plain] = attempts(story, 0.0)
    task = plain - 1
    story.attempt(task, story.ask(task), (10, 1), 1.0, hint="h")
    objective = Reinforce(baseline="task", context="bare", correct_ratio=True)
    samples = build(groups(trajectories(story.events)), [objective]).samples
    assert len({sample.prompt for sample in samples}) == 1
    assert all(len(sample.logprobs) == 2 for sample in samples)


def test_a_rollout_of_several_turns_counts_once_and_all_its_turns_share_its_return(
    story: Story,
) -> None:
    task = story.task()
    long = [story.act(task, 0, turn, (8, turn, 1), None) for turn in (1, 2)]
    long.append(story.act(task, 0, 3, (8, 3, 1), 1.0))
    short = story.act(task, 1, 1, (9, 1), 0.0)
    # over turns the mean would be 3/4
    expected = dict.fromkeys(long, 0.5) | {short: -0.5}
    assert weights(story, Grpo(scale_rewards="none")) == expected
    assert weights(story, Rloo()) == {source: 2 * value for source, value in expected.items()}


@given(rewards=st.lists(st.floats(-5, 5), min_size=2, max_size=8))
def test_leave_one_out_advantages_sum_to_zero(rewards: list[float]) -> None:
    assert sum(leave_one_out(rewards)) == pytest.approx(0.0, abs=1e-9)


@given(a=st.floats(-5, 5), b=st.floats(-5, 5))
def test_of_two_answers_one_gains_what_the_other_loses(a: float, b: float) -> None:
    first, second = leave_one_out([a, b])
    assert first == pytest.approx(-second)


@pytest.mark.parametrize(
    "objective", [Grpo(), Grpo(scale_rewards="batch"), Rloo(), Adpo(), Nft()], ids=repr
)
@pytest.mark.parametrize("reward", [0.0, 1.0])
def test_a_question_that_all_or_none_can_answer_has_no_signal(
    story: Story, objective: Objective, reward: float
) -> None:
    attempts(story, reward, reward, reward)
    assert weights(story, objective) == {}


@pytest.mark.parametrize(
    ("rate", "trust", "room"),
    [(0.1, 0.6, 0.1), (0.3, 0.6, 0.1), (0.5, 0.76, 0.06), (0.8, 1.0, 0.0), (1.0, 1.0, 0.0)],
)
def test_adpo_trusts_and_widens_by_the_share_that_agrees(
    rate: float, trust: float, room: float
) -> None:
    assert (reliability(rate, 0.6), widening(rate, 0.1)) == pytest.approx((trust, room))


def test_adpo_scales_the_advantage_and_the_clip_of_each_question(story: Story) -> None:
    attempts(story, 1.0, 0.0)
    samples = build(groups(trajectories(story.events)), [Adpo(epsilon_high=0.2)]).samples
    assert [sample.weights[0] for sample in samples] == pytest.approx(
        [0.76 * HALF, -0.76 * HALF], abs=1e-3
    )
    assert all(isinstance(sample.loss, PolicyGradient) for sample in samples)
    assert [sample.loss.model_dump()["epsilon_high"] for sample in samples] == pytest.approx(
        [0.26, 0.26]
    )


@pytest.mark.parametrize(("weigh", "omega"), [("grpo", 3**0.5), ("dr_grpo", 0.75), ("one", 1.0)])
def test_nft_weighs_questions_and_signs_right_and_wrong(
    story: Story, weigh: Any, omega: float
) -> None:
    right, *wrong = attempts(story, 1.0, 0.0, 0.0, 0.0)
    found = weights(story, Nft(weigh=weigh))
    assert found == near({right: omega} | dict.fromkeys(wrong, -omega))
    samples = build(groups(trajectories(story.events)), [Nft(weigh=weigh)]).samples
    assert {(sample.target, sample.loss) for sample in samples} == {(0.25, ImplicitNegative())}


@given(rate=st.floats(0.01, 0.99))
def test_on_policy_nft_pulls_as_grpo_does(rate: float) -> None:
    # a right answer by omega, a wrong one by omega r / (1 - r): GRPO's (1 - r)/s and r/s
    s = (rate * (1 - rate)) ** 0.5
    omega = question_weight(rate, "grpo")
    assert (omega, omega * rate / (1 - rate)) == pytest.approx(((1 - rate) / s, rate / s))
