"""Decoding: answers of a transformers model, in batches whose make-up changes no answer."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from transformers import DynamicCache

from simctl.agents.policy.sampler import Completion, Request
from simctl.agents.policy.vocabulary import Vocabulary

SHRINK_AT = 0.75  # finished rows leave the batch once this share or less is left


def uniform(keys: npt.NDArray[np.uint64], position: int) -> npt.NDArray[np.float64]:
    """Return one number in [0, 1) per key for this position (splitmix64, Steele et al. 2014)."""
    with np.errstate(over="ignore"):
        z = keys + np.uint64(position + 1) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)).astype(np.float64) / float(1 << 53)


@dataclass
class _Row:
    """An answer in the making."""

    request: Request
    prompt: tuple[int, ...]
    given: tuple[int, ...] | None = None
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    done: bool = False


@dataclass(frozen=True)
class Decoder:
    """A model with its vocabulary, which answers as `version`; so many answers at a time."""

    model: torch.nn.Module
    vocabulary: Vocabulary
    version: int
    max_batch: int = 256

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        """Answer every request, in order."""
        rows = [self._row(request) for request in requests]
        # rows of like length share a batch, so that little is padding; a row's place in it follows
        # from what is asked and not from who asked first, which a resumed run need not repeat
        order = sorted(range(len(rows)), key=lambda at: _place(rows[at]))
        for at in range(0, len(order), self.max_batch):
            self._decode([rows[each] for each in order[at : at + self.max_batch]])
        return [self._completion(row) for row in rows]

    def _row(self, request: Request) -> _Row:
        given = self.vocabulary.encode(request.answer) if request.answer else None
        return _Row(request, self.vocabulary.encode(request.prompt), given)

    def _completion(self, row: _Row) -> Completion:
        text, truncated = self.vocabulary.read(row.tokens)
        return Completion(
            prompt_tokens=row.prompt,
            tokens=tuple(row.tokens),
            logprobs=tuple(row.logprobs),
            text=text,
            truncated=truncated,
            policy_version=self.version,
        )

    @torch.inference_mode()
    def _decode(self, rows: list[_Row]) -> None:
        """Fill in the tokens of all rows: one prefill per distinct prompt, then step by step."""
        prompts = sorted({row.prompt for row in rows}, key=lambda ids: (len(ids), ids))
        width = max(map(len, prompts))
        padding = self.vocabulary.padding
        ids = torch.tensor([[padding] * (width - len(p)) + list(p) for p in prompts])
        mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts])
        cache = DynamicCache()
        logits = self._forward(ids, mask, (mask.cumsum(1) - 1).clamp(min=0), cache)
        place = {prompt: at for at, prompt in enumerate(prompts)}
        copies = torch.tensor([place[row.prompt] for row in rows])
        cache.batch_select_indices(copies)
        logits, mask = logits[copies], mask[copies]
        position = mask.sum(1, keepdim=True)
        draws = _Draws(rows)
        for step in itertools.count():
            tokens = draws.pick(logits, step)
            self._append(rows, tokens, draws.logprobs)
            going = [at for at, row in enumerate(rows) if not row.done]
            if not going:
                return
            if len(going) <= SHRINK_AT * len(rows):
                keep = torch.tensor(going)
                cache.batch_select_indices(keep)
                rows = [rows[at] for at in going]
                tokens, mask, position = tokens[keep], mask[keep], position[keep]
                draws = _Draws(rows)
            mask = torch.cat([mask, torch.ones(len(rows), 1, dtype=mask.dtype)], dim=1)
            logits = self._forward(tokens[:, None], mask, position, cache)
            position = position + 1

    def _append(self, rows: list[_Row], tokens: torch.Tensor, logprobs: torch.Tensor) -> None:
        end = self.vocabulary.end
        for row, token, logprob in zip(rows, tokens.tolist(), logprobs.tolist(), strict=True):
            if row.done:
                continue
            row.tokens.append(token)
            row.logprobs.append(logprob)
            row.done = _ended(row, end)

    def _forward(
        self, ids: torch.Tensor, mask: torch.Tensor, position: torch.Tensor, cache: DynamicCache
    ) -> torch.Tensor:
        out = self.model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=position,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        logits: torch.Tensor = out.logits[:, -1].float()
        return logits


def _place(row: _Row) -> tuple[int, tuple[int, ...], int]:
    return len(row.prompt), row.prompt, row.request.key


def _ended(row: _Row, end: int) -> bool:
    if row.given is not None:
        return len(row.tokens) == len(row.given)
    return row.tokens[-1] == end or len(row.tokens) >= row.request.sampling.max_completion_length


class _Draws:
    """Draws the next token of every row from its own stream of noise, unless it is given."""

    def __init__(self, rows: Sequence[_Row]) -> None:
        self._keys = np.array([row.request.key for row in rows], dtype=np.uint64)
        heat = torch.tensor([row.request.sampling.temperature for row in rows])
        self._greedy = heat == 0
        self._heat = torch.where(self._greedy, 1.0, heat)[:, None]
        self._given = [row.given or () for row in rows]
        self.logprobs = torch.empty(0)

    def pick(self, logits: torch.Tensor, step: int) -> torch.Tensor:
        """Return a token for every row, and keep its log-probability in `logprobs`."""
        logprobs = torch.log_softmax(logits / self._heat, dim=-1)
        noise = torch.from_numpy(uniform(self._keys, step))
        # inverse of the cumulated probabilities: one number draws one token
        cumulated = logprobs.double().exp().cumsum(dim=-1)
        drawn = torch.searchsorted(cumulated, (noise * cumulated[:, -1])[:, None], right=True)
        drawn = drawn[:, 0].clamp(max=logits.shape[1] - 1)
        tokens = torch.where(self._greedy, logits.argmax(dim=-1), drawn)
        if any(self._given):
            given = torch.tensor([each[step] if step < len(each) else -1 for each in self._given])
            tokens = torch.where(given < 0, tokens, given)
        self.logprobs = logprobs.gather(1, tokens[:, None])[:, 0]
        return tokens
