from collections import Counter
from typing import Any

from simctl.bus.dice import dice
from simctl.trainer.minibatch import microbatches, minibatches
from simctl.trainer.sample import CrossEntropy, PolicyGradient, Sample

SampleOf = Any  # conftest makes it


def mixed(sample_of: SampleOf) -> list[Sample]:
    gradients = [sample_of((2,), (3,) * (1 + at), PolicyGradient()) for at in range(12)]
    return [*gradients, *(sample_of((2,), (4,), role="critic") for _ in range(4))]


def test_every_sample_is_in_exactly_one_step(sample_of: SampleOf) -> None:
    samples = mixed(sample_of)
    steps = minibatches(samples, 5, dice(0))
    assert [len(step) for step in steps] == [4, 4, 4, 4]
    assert Counter(map(repr, samples)) == Counter(repr(each) for step in steps for each in step)


def test_every_step_has_its_share_of_every_role_and_loss(sample_of: SampleOf) -> None:
    steps = minibatches(mixed(sample_of), 4, dice(0))
    assert [Counter(each.role for each in step) for step in steps] == [
        Counter(solver=3, critic=1)
    ] * 4


def test_size_0_is_one_step_and_no_samples_are_none(sample_of: SampleOf) -> None:
    samples = mixed(sample_of)
    assert [len(step) for step in minibatches(samples, 0, dice(0))] == [len(samples)]
    assert minibatches([], 0, dice(0)) == []


def test_the_same_dice_deal_the_same_steps(sample_of: SampleOf) -> None:
    samples = mixed(sample_of)
    once = minibatches(samples, 4, dice(5))
    assert once == minibatches(samples, 4, dice(5))
    assert once != minibatches(samples, 4, dice(6))


def test_a_forward_holds_one_loss_and_like_lengths(sample_of: SampleOf) -> None:
    micros = list(microbatches(mixed(sample_of), 5))
    assert sum(map(len, micros)) == 16
    assert all(len({repr(each.loss) for each in micro}) == 1 for micro in micros)
    gradients = [m for m in micros if m[0].loss.kind == "policy_gradient"]
    assert [len(each.tokens) for m in gradients for each in m] == list(range(1, 13))
    assert micros[0][0].loss == CrossEntropy()
