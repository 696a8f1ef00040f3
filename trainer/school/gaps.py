"""Gaps: jumps of position, so that nothing can be found by its distance.

What is near stays near within a step; what must be found by its label is seen at distances that no
lesson's length has. Texts longer than any lesson then hold nothing unknown.
"""

from itertools import pairwise
from random import Random

from pydantic import Field

from simctl.bus.values import Value
from simctl.trainer.school.vocabulary import Vocabulary


class GapSettings(Value):
    """Which lessons have jumps, where, and how far."""

    share: float = Field(default=0.5, ge=0, le=1, description="lessons with jumps")
    field_gaps: tuple[int, ...] = Field(
        default=(7, 23, 47), min_length=1, description="longest jumps between fields; one is drawn"
    )
    step_shares: tuple[float, ...] = Field(
        default=(0.0, 0.2, 0.5), min_length=1, description="operations before a jump; one is drawn"
    )
    step_gaps: tuple[int, ...] = Field(
        default=(3, 11), min_length=1, description="longest jumps between operations; one is drawn"
    )


def positions(
    prompt: tuple[int, ...], width: int, vocabulary: Vocabulary, settings: GapSettings, rng: Random
) -> list[int]:
    """Return the positions of a prompt and of what follows it, up to `width` tokens."""
    if rng.random() >= settings.share:
        return list(range(width))
    field_gap, step_gap = rng.choice(settings.field_gaps), rng.choice(settings.step_gaps)
    step_share = rng.choice(settings.step_shares)
    position, found = 0, [0]
    for token, following in pairwise((*prompt, vocabulary.end)):
        position += 1
        if token in vocabulary.field_ends:
            position += rng.randint(0, field_gap)
        elif token in vocabulary.operations and following in vocabulary.labels:
            position += rng.randint(0, step_gap) if rng.random() < step_share else 0
        found.append(position)
    return (found + list(range(position + 1, position + width)))[:width]
