import pytest

from simctl.trainer import advantages

REWARDS = [1.0, 0.0, 0.0, 0.0]


def test_grpo_divides_by_the_deviation_with_n_minus_1() -> None:
    scale = advantages.deviation(REWARDS)
    found = advantages.standardised(REWARDS, scale)
    assert found == pytest.approx([1.5, -0.5, -0.5, -0.5], abs=5e-4)


def test_rloo_compares_with_the_mean_of_the_others() -> None:
    third = 1 / 3
    assert advantages.leave_one_out(REWARDS) == pytest.approx([1, -third, -third, -third])


def test_dr_grpo_only_centres() -> None:
    assert advantages.centred(REWARDS) == [0.75, -0.25, -0.25, -0.25]


def test_a_single_answer_has_deviation_1_and_no_advantage() -> None:
    assert (advantages.deviation([0.4]), advantages.leave_one_out([0.4])) == (1.0, [0.0])


def test_a_jitter_of_the_rewards_is_no_information() -> None:
    jitter = [0.5, 0.5 + 1e-7, 0.5]
    assert not advantages.informative(jitter)
    assert (
        max(advantages.standardised([0.5, 0.5 + 1e-6], advantages.deviation([0.5, 0.5 + 1e-6])))
        < 0.01
    )
