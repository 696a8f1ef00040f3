"""Answers: what a model gives to the answers of a micro-batch, one after the other.

Shapes in all of this package: N tokens, B answers, V words, K words of a support.
"""

import math
from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor, nn

from simctl.trainer.losses.packing import can_pack, packed_logits
from simctl.trainer.sample import Sample

Ids = Sequence[int]
Row = tuple[Ids, Ids, float]  # prompt, answer and temperature


def answer_logits(model: nn.Module, rows: Sequence[tuple[Ids, Ids]]) -> Tensor:
    """Return the logits (N, V) that predict the answers of (prompt, answer) rows, end to end.

    Rows are packed where the model allows it, and padded on the right where it does not. The logits
    at position p predict token p + 1, so those of an answer begin one before it, and its last token
    is not read.
    """
    if can_pack(model):
        return packed_logits(model, rows)
    lengths = [len(prompt) + len(tokens) - 1 for prompt, tokens in rows]
    width = max(lengths)
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    mask = torch.zeros(len(rows), width, dtype=torch.long)
    for at, ((prompt, tokens), length) in enumerate(zip(rows, lengths, strict=True)):
        ids[at, :length] = torch.tensor([*prompt, *tokens][:-1])
        mask[at, :length] = 1
    first = min(len(prompt) for prompt, _ in rows) - 1
    out = model(input_ids=ids, attention_mask=mask, use_cache=False, logits_to_keep=width - first)
    logits: Tensor = out.logits
    at_row = [at for at, (_, tokens) in enumerate(rows) for _ in tokens]
    at_column = [len(prompt) - 1 - first + t for prompt, tokens in rows for t in range(len(tokens))]
    return logits[at_row, at_column]


def token_logprobs(logits: Tensor, ids: Tensor) -> Tensor:
    """Return the log-probability of each token id (N) under its logits (N, V)."""
    return torch.log_softmax(logits, dim=-1).gather(1, ids[:, None])[:, 0]


def entropy(logits: Tensor) -> Tensor:
    """Return the entropy at each token in nats."""
    logprobs = torch.log_softmax(logits, dim=-1)
    return -(logprobs.exp() * logprobs).sum(-1)


def is_finite(value: Tensor) -> bool:
    """Tell whether a number is neither infinite nor NaN."""
    return math.isfinite(float(value))


def sum_rows(values: Tensor, row: Tensor, rows: int) -> Tensor:
    """Return the sum over each of `rows` answers of its tokens' values (N)."""
    return torch.zeros(rows, dtype=values.dtype).index_add(0, row, values)


def row_logprobs(logits: Tensor, rows: Sequence[Row]) -> Tensor:
    """Return the log-probability of each token (N) of the rows, at their temperatures."""
    heat = torch.tensor([temperature for _, tokens, temperature in rows for _ in tokens])
    ids = torch.tensor([token for _, tokens, _ in rows for token in tokens])
    return token_logprobs(logits / heat[:, None], ids)


def split_rows(values: Tensor, rows: Sequence[Ids]) -> list[Tensor]:
    """Return the values (N) of each row's tokens."""
    return list(torch.split(values, [len(tokens) for tokens in rows]))


class Answers:
    """The samples of a micro-batch and the logits (N, V) of their answers; all fields are flat."""

    def __init__(self, samples: Sequence[Sample], logits: Tensor) -> None:
        """Lay the samples end to end."""
        self.samples = samples
        self.logits = logits
        self.ids = torch.tensor([token for each in samples for token in each.tokens])
        self.row = torch.tensor([at for at, each in enumerate(samples) for _ in each.tokens])
        self.weights = torch.tensor([weight for each in samples for weight in each.weights])
        self.live = torch.tensor([live for each in samples for live in each.live])

    def heat(self, logits: Tensor) -> Tensor:
        """Divide by the temperature: the distribution is then the one that was sampled from."""
        heat = torch.tensor([each.temperature for each in self.samples for _ in each.tokens])
        return logits / heat[:, None]

    @cached_property
    def heated(self) -> Tensor:
        """The logits of the distributions that were sampled from."""
        return self.heat(self.logits)

    @cached_property
    def plain(self) -> Tensor:
        """The log-probability of each token at temperature 1."""
        return token_logprobs(self.logits, self.ids)

    @cached_property
    def said(self) -> Tensor:
        """The log-probability of each token at the temperature that it was sampled at."""
        return token_logprobs(self.heated, self.ids)

    @property
    def logged(self) -> Tensor:
        """The log-probabilities that were logged, for those samples that have them."""
        return torch.tensor([logprob for each in self.samples for logprob in each.logprobs])

    @property
    def targets(self) -> Tensor:
        """The label of each token's sample."""
        return torch.tensor([each.target or 0.0 for each in self.samples])[self.row]
