"""A sampler over any transformers causal language model, in this process."""

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from transformers import AutoModelForCausalLM, DynamicCache
from transformers.utils import logging

from simctl.agents.policy.sampler import SAMPLE_RANK, Completion, Request
from simctl.agents.policy.vocabulary import Vocabulary
from simctl.bus.quiescence import Quiescence, Work

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
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    done: bool = False


class TransformersSampler:
    """Serves one version at a time; requests that wait together are answered in one batch."""

    def __init__(
        self, path: Path, version: int, quiescence: Quiescence, max_batch: int = 256
    ) -> None:
        """Serve the model in `path` as `version`; `max_batch` answers are decoded together.

        Raises:
            ValueError: the directory holds no policy that can be served.
        """
        torch.set_num_threads(1)  # two under load are slower, and give other bits
        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        self._vocabulary = Vocabulary(path)
        self._model = _load(path)
        self._proposed: tuple[int, torch.nn.Module] | None = None
        self._version = version
        self._quiescence = quiescence
        self._max_batch = max_batch
        self._waiting: list[tuple[Sequence[Request], asyncio.Future[list[Completion]]]] = []
        quiescence.add(Work(SAMPLE_RANK, lambda: bool(self._waiting), self._answer))

    @property
    def version(self) -> int:
        """The policy version that serves."""
        return self._version

    def encode(self, text: str) -> tuple[int, ...]:
        """Return the token ids of `text`."""
        return self._vocabulary.encode(text)

    async def sample(self, requests: Sequence[Request]) -> list[Completion]:
        """Answer every request, in order, together with whatever else waits."""
        answered: asyncio.Future[list[Completion]] = asyncio.get_running_loop().create_future()
        self._waiting.append((requests, answered))
        self._quiescence.touch()
        return await answered

    def propose(self, version: int, path: Path) -> None:
        """Load a version beside the one that serves."""
        self._proposed = None
        self._proposed = (version, _load(path))

    def score(self, prompt: Sequence[int], tokens: Sequence[int]) -> list[float]:
        """Return the log-probability of each token under the proposed version, in nats."""
        if self._proposed is None:
            raise ValueError("no version has been proposed")
        ids = torch.tensor([[*prompt, *tokens]])
        with torch.inference_mode():
            logits = self._proposed[1](input_ids=ids).logits[0, len(prompt) - 1 : -1].float()
        logprobs = torch.log_softmax(logits, dim=-1)
        picked: list[float] = logprobs.gather(1, torch.tensor(tokens)[:, None])[:, 0].tolist()
        return picked

    def accept(self) -> None:
        """Serve the proposed version from the next batch on."""
        if self._proposed is None:
            raise ValueError("no version has been proposed")
        (self._version, self._model), self._proposed = self._proposed, None

    async def _answer(self) -> None:
        waiting, self._waiting = self._waiting, []
        requests = [request for batch, _ in waiting for request in batch]
        # in a thread, so that signals and other processes are heard while the model works
        try:
            completions = await asyncio.to_thread(self._complete, requests)
        except Exception as error:  # noqa: BLE001 - it is the asking role's failure, and data
            for _, answered in waiting:
                if not answered.done():
                    answered.set_exception(error)
            self._quiescence.touch()
            return
        at = 0
        for batch, answered in waiting:
            if not answered.done():
                answered.set_result(completions[at : at + len(batch)])
            at += len(batch)
        self._quiescence.touch()

    def _complete(self, requests: Sequence[Request]) -> list[Completion]:
        rows = [_Row(request, self.encode(request.prompt)) for request in requests]
        # rows of like length share a batch, so that little is padding; a row's place in it follows
        # from what is asked and not from who asked first, which a resumed run need not repeat
        order = sorted(range(len(rows)), key=lambda at: _place(rows[at]))
        for at in range(0, len(order), self._max_batch):
            self._decode([rows[each] for each in order[at : at + self._max_batch]])
        return [self._completion(row) for row in rows]

    def _completion(self, row: _Row) -> Completion:
        text, truncated = self._vocabulary.read(row.tokens)
        return Completion(
            prompt_tokens=row.prompt,
            tokens=tuple(row.tokens),
            logprobs=tuple(row.logprobs),
            text=text,
            truncated=truncated,
            policy_version=self._version,
        )

    @torch.inference_mode()
    def _decode(self, rows: list[_Row]) -> None:
        """Fill in the tokens of all rows: one prefill per distinct prompt, then step by step."""
        prompts = sorted({row.prompt for row in rows}, key=lambda ids: (len(ids), ids))
        width = max(map(len, prompts))
        padding = self._vocabulary.padding
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
        end = self._vocabulary.end
        for row, token, logprob in zip(rows, tokens.tolist(), logprobs.tolist(), strict=True):
            if row.done:
                continue
            row.tokens.append(token)
            row.logprobs.append(logprob)
            row.done = token == end or len(row.tokens) >= row.request.sampling.max_completion_length

    def _forward(
        self, ids: torch.Tensor, mask: torch.Tensor, position: torch.Tensor, cache: DynamicCache
    ) -> torch.Tensor:
        out = self._model(
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


class _Draws:
    """Draws the next token of every row from its own stream of noise."""

    def __init__(self, rows: Sequence[_Row]) -> None:
        self._keys = np.array([row.request.key for row in rows], dtype=np.uint64)
        heat = torch.tensor([row.request.sampling.temperature for row in rows])
        self._greedy = heat == 0
        self._heat = torch.where(self._greedy, 1.0, heat)[:, None]
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
        self.logprobs = logprobs.gather(1, tokens[:, None])[:, 0]
        return tokens


def _load(path: Path) -> torch.nn.Module:
    try:
        model: torch.nn.Module = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
    except Exception as error:  # whatever a broken file makes the loader raise
        raise ValueError(f"{path} holds no loadable model: {error}") from error
    return model.eval()
