"""Two processes learn what one learns, and how many there are does not matter for going on."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from simctl.store.policies import WEIGHTS
from simctl.trainer.learners import Learners
from simctl.trainer.muster import Muster
from simctl.trainer.sample import Divergence, PolicyGradient, Preference, Sample
from simctl.trainer.settings import Training

pytestmark = pytest.mark.slow
SampleOf = Callable[..., Sample]
Gather = Callable[[Path, Path, Training], Learners]
TEACHER = {"sync": "ema", "decay": 0.5}
NAN = float("nan")


@pytest.fixture(scope="module")
def several() -> Iterator[Gather]:
    """Learners of as many processes as are wanted; the others are started once."""
    with Muster() as muster:
        yield muster.learners


def settings(processes: int, trainer: dict[str, Any], teacher: dict[str, Any]) -> Training:
    told = {"minibatch_size": 5, "per_device_train_batch_size": 3} | trainer
    return Training.model_validate(
        {
            "objective": [{"kind": "divergence"}],
            "trainer": told | {"processes": processes},
            "teacher": teacher,
        }
    )


def graded(sample_of: SampleOf) -> list[Sample]:
    capped = PolicyGradient(importance_sampling_cap=2.0)
    return [
        sample_of((2, 3, 4), (5, 6, 1), PolicyGradient(), weights=(1.5,) * 3),
        sample_of((2,), (7, 8, 9, 10, 1), PolicyGradient(), weights=(-0.5,) * 5),
        sample_of((3, 4), (11, 12, 1), capped, weights=(-0.5,) * 3),
        sample_of((3, 4), (13, 12, 2, 1), capped, weights=(0.5,) * 4),
        sample_of((9,), (13, 1), capped, weights=(0.7,) * 2),
        sample_of((9, 9), (4, 1), weights=(0.2, 0.2)),
        sample_of((5, 6), (7, 7, 7, 1), role="examiner"),
    ]


def taught(sample_of: SampleOf) -> list[Sample]:
    lessons = [((3, 4), (11, 12, 1)), ((5,), (9, 1)), ((4, 4), (9, 8, 7, 1))]
    return [
        *(sample_of(*each, Divergence(), teacher_prompt=(3, 20, 4)) for each in lessons),
        sample_of((3, 4, 4), (12, 1), Divergence(against="base")),
        sample_of((4,), (9, 1, 2), Preference(beta=1.0), rejected=(1,)),
        sample_of((6, 5), (8, 1)),
    ]


def broken(sample_of: SampleOf) -> list[Sample]:
    """A gradient of one step is not finite, in whichever process it is computed."""
    fine = graded(sample_of)
    return [*fine, fine[0].model_copy(update={"weights": (NAN,) * 3})]


CASES = {
    "graded": (graded, {"num_iterations": 2}, TEACHER),
    "taught": (taught, {}, TEACHER),
    "recomputed": (taught, {"gradient_checkpointing": True}, {"sync": "snapshot", "unit": "round"}),
    "live": (taught, {"minibatch_size": 0}, {"sync": "live"}),
    "separate": (graded, {"separate": ["examiner"]}, TEACHER),
    "broken": (broken, {"minibatch_size": 3}, TEACHER),
    "lora": (taught, {"lora": {"r": 4, "lora_alpha": 8}}, TEACHER),
}


def learnt(
    gather: Gather, base: Path, out: Path, training: Training, samples: list[Sample]
) -> list[dict[str, float]]:
    """Learn two rounds, keep what was learnt in `out`, and return the metrics."""
    learners = gather(base, base, training)
    metrics = [learners.learn(samples, version) for version in (1, 2)]
    out.mkdir()
    learners.save(out)
    return metrics


def apart(one: Path, other: Path) -> float:
    """Return the largest difference between the weights of two policies."""
    ours, theirs = (load_file(path / WEIGHTS) for path in (one, other))
    assert ours.keys() == theirs.keys()
    return max(float((ours[name] - theirs[name]).abs().max()) for name in ours)


@pytest.mark.parametrize("case", CASES)
def test_two_processes_give_the_update_of_one(
    several: Gather, base: Path, tmp_path: Path, sample_of: SampleOf, case: str
) -> None:
    tell, trainer, teacher = CASES[case]
    samples = tell(sample_of)
    alone, both = (
        learnt(gather, base, tmp_path / str(n), settings(n, trainer, teacher), samples)
        for n, gather in ((1, Learners), (2, several))
    )
    assert apart(base, tmp_path / "1") > 1e-4
    assert apart(tmp_path / "1", tmp_path / "2") < 1e-6
    assert [each.keys() for each in both] == [each.keys() for each in alone]
    for ours, theirs in zip(both, alone, strict=True):
        if case == "broken":  # a forward with it is left out of the mean, whatever else is in it
            del ours["loss/policy_gradient"], theirs["loss/policy_gradient"]
            assert ours["skipped_steps"] == 1
        assert ours == pytest.approx(theirs, rel=1e-4, abs=1e-6)


def test_a_run_goes_on_with_more_or_fewer_processes(
    several: Gather, base: Path, tmp_path: Path, sample_of: SampleOf
) -> None:
    samples = taught(sample_of)
    found = []
    for numbers in ((1, 1, 1), (2, 1, 2)):
        last = base
        for version, number in enumerate(numbers, 1):
            gather = several if number > 1 else Learners
            learners = gather(last, base, settings(number, {}, TEACHER))
            if version > 1:
                learners.restore(last)
            learners.learn(samples, version)
            last = tmp_path / f"{numbers}" / str(version)
            last.mkdir(parents=True)
            learners.save(last)
        found.append(last)
    assert apart(base, found[0]) > 1e-4
    assert apart(*found) < 1e-6


def test_probes_are_those_of_the_whole_weights(
    several: Gather, base: Path, sample_of: SampleOf
) -> None:
    rows = [(each.prompt, each.tokens) for each in graded(sample_of)]
    alone, both = (
        gather(base, base, settings(n, {}, TEACHER)).score(None, rows)
        for n, gather in ((1, Learners), (2, several))
    )
    assert [each.logprobs for each in both] == [each.logprobs for each in alone]
