"""Batches of lessons: rows padded on the right, with the loss on the answers only."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import torch
from torch import Tensor

from simctl.trainer.school.gaps import GapSettings, positions
from simctl.trainer.school.vocabulary import Vocabulary

Lesson = tuple[tuple[int, ...], tuple[int, ...]]  # prompt and answer
IGNORED = -100  # as torch's cross entropy has it


@dataclass(frozen=True, slots=True)
class Batch:
    """Inputs, their positions, and the tokens wanted next (rows, tokens)."""

    ids: Tensor
    positions: Tensor
    wanted: Tensor  # ignored off the answers


def batch(
    lessons: Sequence[Lesson], vocabulary: Vocabulary, gaps: GapSettings, rng: Random
) -> Batch:
    """Lay lessons out for one forward."""
    width = max(len(prompt) + len(answer) for prompt, answer in lessons) - 1
    ids, wanted, places = list[list[int]](), list[list[int]](), list[list[int]]()
    for prompt, answer in lessons:
        read = [*prompt, *answer][:-1]
        rest = width - len(read)
        ids.append(read + [vocabulary.padding] * rest)
        wanted.append([IGNORED] * (len(prompt) - 1) + list(answer) + [IGNORED] * rest)
        places.append(positions(prompt, width, vocabulary, gaps, rng))
    return Batch(torch.tensor(ids), torch.tensor(places), torch.tensor(wanted))
