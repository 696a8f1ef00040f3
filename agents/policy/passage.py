"""Passages: a batch of beginnings that a model has read, and reads on in, a token at a time."""

from typing import Any, Protocol

import torch
from torch import Tensor, nn
from transformers import DynamicCache


class Passage(Protocol):
    """B texts of one width in the making, with all that a model remembers of them."""

    def read(self, tokens: Tensor) -> Tensor:
        """Add a token (B) to every text; return the logits (B, V) of the one after it."""
        ...

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows alone."""
        ...


class AnyPassage:
    """What any causal language model of transformers has read, in the cache that it brings."""

    def __init__(self, model: nn.Module, ids: Tensor, mask: Tensor, copies: Tensor) -> None:
        """Read the prompts `ids` (P, T), where `mask` is 1, and go on with these `copies` (B)."""
        self._model = model
        self._cache, logits = read_prompts(model, ids, mask)
        self._cache.batch_select_indices(copies)
        self.logits, self._mask = logits[copies], mask[copies]
        self._position = self._mask.sum(1, keepdim=True)

    def read(self, tokens: Tensor) -> Tensor:
        """Add a token to every text."""
        self._mask = torch.cat([self._mask, self._mask.new_ones(len(tokens), 1)], dim=1)
        ids = tokens[:, None]
        logits = _forward(self._model, ids, self._mask, self._position, self._cache)
        self._position = self._position + 1
        return logits

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows alone."""
        self._cache.batch_select_indices(rows)
        self._mask, self._position = self._mask[rows], self._position[rows]


def read_prompts(model: nn.Module, ids: Tensor, mask: Tensor) -> tuple[Any, Tensor]:
    """Read the prompts `ids` (P, T), where `mask` is 1; return the cache, and the logits (P, V)."""
    cache = DynamicCache()
    return cache, _forward(model, ids, mask, (mask.cumsum(1) - 1).clamp(min=0), cache)


def _forward(model: nn.Module, ids: Tensor, mask: Tensor, position: Tensor, cache: Any) -> Tensor:
    device = next(model.parameters()).device  # what is drawn from is kept where draws are made
    out = model(
        input_ids=ids.to(device),
        attention_mask=mask.to(device),
        position_ids=position.to(device),
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    )
    logits: Tensor = out.logits[:, -1].float().cpu()
    return logits
