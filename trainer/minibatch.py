"""Minibatches: which samples share an optimiser step, and which of them a forward."""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence

from simctl.trainer.sample import Divergence, Sample


def minibatches(
    samples: Sequence[Sample], size: int, shuffler: random.Random
) -> list[list[Sample]]:
    """Shuffle samples into as many steps as `size` needs; 0 puts all into one.

    Every step gets its share of every role and loss: the mean over a loss's tokens would give
    great weight to the few tokens of a kind that chance had put alone into a step.
    """
    strata: dict[tuple[str, str], list[Sample]] = defaultdict(list)
    for sample in samples:
        strata[sample.family, sample.role].append(sample)
    dealt: list[Sample] = []
    for stratum in sorted(strata):
        shuffler.shuffle(strata[stratum])
        dealt += strata[stratum]
    steps = -(-len(dealt) // (size or len(dealt))) if dealt else 0
    return [dealt[at::steps] for at in range(steps)]


def microbatches(step: Sequence[Sample], rows: int) -> Iterator[list[Sample]]:
    """Split a step into forwards of at most `rows` samples with one loss and like lengths."""
    by_loss: dict[str, list[Sample]] = defaultdict(list)
    for sample in step:
        by_loss[repr(sample.loss)].append(sample)
    for name in sorted(by_loss):
        alike = sorted(by_loss[name], key=_length)
        for at in range(0, len(alike), rows):
            yield alike[at : at + rows]


def _length(sample: Sample) -> tuple[int, int]:
    shown = sample.teacher_prompt or () if isinstance(sample.loss, Divergence) else ()
    longest = max(len(sample.tokens), len(sample.rejected or ()))
    return len(sample.prompt) + longest, len(shown)
