"""Batches of lessons: rows padded on the right, with the loss on the answers only."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import torch
from torch import Tensor

Ids = Sequence[int]
Lesson = tuple[Ids, Ids]  # prompt and answer


@dataclass(frozen=True, slots=True)
class Gaps:
    """Where positions jump, so that no distance tells the policy what a label would.

    After a field's end in `field_share` of lessons, and before labels: by at most one of the given
    lengths, which a lesson draws. Texts longer than any lesson then hold no unknown distance.
    """

    field_ends: frozenset[int]
    labels: frozenset[int]
    field_share: float
    field_gaps: Sequence[int]
    step_gaps: Sequence[int]

    def positions(self, ids: Ids, width: int, rng: Random) -> list[int]:
        """Return the position of each token, and of padding up to `width`."""
        at_field = rng.choice(self.field_gaps) if rng.random() < self.field_share else 0
        at_step = rng.choice(self.step_gaps)
        position, positions = 0, list[int]()
        for token in ids:
            if token in self.labels:
                position += rng.randint(0, at_step)
            positions.append(position)
            position += 1 + (rng.randint(0, at_field) if token in self.field_ends else 0)
        return positions + list(range(position, position + width - len(ids)))


@dataclass(frozen=True, slots=True)
class Batch:
    """Inputs, positions and wanted next tokens (rows, tokens); `wanted` is -100 off the answers."""

    ids: Tensor
    positions: Tensor
    wanted: Tensor


IGNORED = -100  # as torch's cross entropy has it


def batch(lessons: Sequence[Lesson], gaps: Gaps, padding: int, rng: Random) -> Batch:
    """Lay lessons out for one forward."""
    width = max(len(prompt) + len(answer) for prompt, answer in lessons) - 1
    ids, wanted, positions = list[Ids](), list[Ids](), list[Ids]()
    for prompt, answer in lessons:
        read = [*prompt, *answer][:-1]
        rest = width - len(read)
        ids.append(read + [padding] * rest)
        wanted.append([IGNORED] * (len(prompt) - 1) + list(answer) + [IGNORED] * rest)
        positions.append(gaps.positions(read, width, rng))
    return Batch(torch.tensor(ids), torch.tensor(positions), torch.tensor(wanted))
