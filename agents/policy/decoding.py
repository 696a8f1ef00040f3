"""Decoding: answers of a transformers model, in batches whose make-up changes no answer.

Newer weights may be taken over between two tokens. What was read and said so far is then read again
with them, as AReaL does (2505.24298, interruptible generation), and the answers go on. Keeping what
the old weights made of it (PipelineRL, 2509.19128) is cheaper, and gives tokens probabilities that
no version gives; so, each token has exactly those of the version that said it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import numpy.typing as npt
import torch

from simctl.agents.policy.llama import Kin, KinPassage
from simctl.agents.policy.passage import AnyPassage, Passage
from simctl.agents.policy.sampler import Completion, Request
from simctl.agents.policy.vocabulary import Vocabulary

SHRINK_AT = 0.75  # finished rows leave the batch once this share or less is left
AHEAD = 32  # positions whose noise is drawn at a time
NEVER = -1  # no token
Span = tuple[int, int]  # a version, and how many tokens in a row it said


def uniform(
    keys: npt.NDArray[np.uint64], position: int | npt.NDArray[np.uint64]
) -> npt.NDArray[np.float64]:
    """Return one number in [0, 1) per key for this position (splitmix64, Steele et al. 2014).

    Keys and positions are broadcast together.
    """
    with np.errstate(over="ignore"):
        moved = np.asarray(position, np.uint64) + np.uint64(1)
        z: npt.NDArray[np.uint64] = keys + moved * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)).astype(np.float64) / float(1 << 53)


@dataclass
class _Row:
    """An answer in the making."""

    request: Request
    prompt: tuple[int, ...]
    given: tuple[int, ...] | None
    tokens: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()
    spans: tuple[Span, ...] = ()

    @property
    def limit(self) -> int:
        """How many tokens it has at most."""
        most = self.request.sampling.max_completion_length
        return most if self.given is None else len(self.given)


@dataclass(frozen=True)
class Decoder:
    """A model with its vocabulary, which answers as `version`; so many answers at a time."""

    model: torch.nn.Module
    vocabulary: Vocabulary
    version: int
    max_batch: int = 256

    @torch.inference_mode()
    def complete(
        self, requests: Sequence[Request], latest: "Callable[[], Decoder] | None" = None
    ) -> list[Completion]:
        """Answer every request, in order.

        `latest` gives whose weights are to be taken over before the next token.
        """
        encode = cache(self.vocabulary.encode)  # a group shares its prompt
        rows = [
            _Row(each, encode(each.prompt), encode(each.answer) if each.answer else None)
            for each in requests
        ]
        # rows of like length share a batch, so that little is padding; a row's place in it follows
        # from what is asked and not from who asked first, which a resumed run need not repeat
        order = sorted(range(len(rows)), key=lambda at: _place(rows[at]))
        speaker = _Speaker(latest or (lambda: self))
        for at in range(0, len(order), self.max_batch):
            speaker.turn()
            _decode([rows[each] for each in order[at : at + self.max_batch]], speaker)
        read = cache(self.vocabulary.read)
        return [_completion(row, *read(row.tokens)) for row in rows]


class _Speaker:
    """Whose weights answer now."""

    def __init__(self, latest: Callable[[], Decoder]) -> None:
        self._latest = latest
        self.decoder = latest()
        self._kin = Kin.of(self.decoder.model)

    def turn(self) -> bool:
        """Take newer weights over, and say whether there are any."""
        latest = self._latest()
        if latest is self.decoder:
            return False
        self.decoder, self._kin = latest, Kin.of(latest.model)
        return True

    def read(self, texts: Sequence[tuple[int, ...]]) -> tuple[Passage, torch.Tensor]:
        """Read every distinct text once; return the logits (B, V) of each one's next token."""
        distinct = sorted(set(texts), key=lambda ids: (len(ids), ids))
        width = max(map(len, distinct))
        padding = self.decoder.vocabulary.padding
        ids = torch.tensor([[padding] * (width - len(t)) + list(t) for t in distinct])
        mask = torch.tensor([[0] * (width - len(t)) + [1] * len(t) for t in distinct])
        place = {text: at for at, text in enumerate(distinct)}
        copies = torch.tensor([place[text] for text in texts])
        if self._kin is None:
            read = AnyPassage(self.decoder.model, ids, mask, copies)
            return read, read.logits
        ours = KinPassage(self._kin, self.decoder.model, ids, mask, copies)
        return ours, ours.logits


def _decode(rows: list[_Row], speaker: _Speaker) -> None:
    """Fill in the tokens of all rows: one prefill per distinct prompt, then step by step."""
    passage, logits = speaker.read([row.prompt for row in rows])
    said = _Said(rows, speaker.decoder)
    draws = _Draws(rows)
    while True:
        tokens, logprobs = draws.pick(logits, said.step)
        said.hear(tokens, logprobs)
        if not said.going:
            return
        if said.going <= SHRINK_AT * len(tokens):
            kept = said.keep()
            passage.keep(kept)
            tokens, draws = tokens[kept], draws.of(kept)
        if speaker.turn():
            said.turn(speaker.decoder.version)
            passage, logits = speaker.read(said.texts())
        else:
            logits = passage.read(tokens)


def _completion(row: _Row, text: str, truncated: bool) -> Completion:
    return Completion(
        prompt_tokens=row.prompt,
        tokens=row.tokens,
        logprobs=row.logprobs,
        text=text,
        truncated=truncated,
        policy_version=row.spans[0][0],
        versions=row.spans if len(row.spans) > 1 else (),
    )


def _place(row: _Row) -> tuple[int, tuple[int, ...], int]:
    return len(row.prompt), row.prompt, row.request.key


class _Said:
    """What was said, by those that are in the batch and by those that left it.

    The tokens of a step stay as they came, one array for all rows, until rows leave.
    """

    def __init__(self, rows: Sequence[_Row], speaker: Decoder) -> None:
        self._rows = list(rows)
        # one row of them an end: what is given goes on after an end
        given = np.array([row.given is not None for row in rows])
        ends = np.array(sorted(speaker.vocabulary.ends))
        self._ends = np.where(given, NEVER, ends[:, None])
        self._limits = np.array([row.limit for row in rows])
        self._lengths = np.zeros(len(rows), dtype=np.int64)
        self._alive = np.ones(len(rows), dtype=np.bool_)
        self._tokens: list[torch.Tensor] = []
        self._logprobs: list[torch.Tensor] = []
        self._turns: list[tuple[int, int]] = [(0, speaker.version)]  # from which step on, and who
        self.step = 0
        self.going = len(rows)

    def hear(self, tokens: torch.Tensor, logprobs: torch.Tensor) -> None:
        """Add a token (B) to every row; `going` is then how many have not ended."""
        self._tokens.append(tokens)
        self._logprobs.append(logprobs)
        self.step += 1
        self._lengths += self._alive
        self._alive &= (tokens.numpy() != self._ends).all(0) & (self._lengths < self._limits)
        self.going = int(np.count_nonzero(self._alive))
        if not self.going:
            self._write(range(len(self._rows)))

    def keep(self) -> torch.Tensor:
        """Let those that have ended leave; return the places of the rest."""
        self._write(np.flatnonzero(~self._alive).tolist())
        kept = np.flatnonzero(self._alive)
        self._rows = [self._rows[at] for at in kept]
        self._ends, self._limits = self._ends[:, kept], self._limits[kept]
        self._lengths, self._alive = self._lengths[kept], self._alive[kept]
        places = torch.from_numpy(kept)
        self._tokens = list(torch.stack(self._tokens)[:, places])
        self._logprobs = list(torch.stack(self._logprobs)[:, places])
        return places

    def turn(self, version: int) -> None:
        """Have the tokens from now on of another version."""
        self._turns.append((self.step, version))

    def texts(self) -> list[tuple[int, ...]]:
        """Return what each row has shown and said so far."""
        said = torch.stack(self._tokens, 1).tolist()
        return [(*row.prompt, *tokens) for row, tokens in zip(self._rows, said, strict=True)]

    def _spans(self, length: int) -> Iterator[Span]:
        """Give the versions of an answer's tokens, oldest first."""
        ends = [*(begun for begun, _ in self._turns[1:]), length]
        for (begun, version), end in zip(self._turns, ends, strict=True):
            if begun < min(end, length):
                yield version, min(end, length) - begun

    def _write(self, ended: Sequence[int]) -> None:
        tokens = torch.stack(self._tokens, 1).tolist()
        logprobs = torch.stack(self._logprobs, 1).tolist()
        for at in ended:
            length = int(self._lengths[at])
            self._rows[at].tokens = tuple(tokens[at][:length])
            self._rows[at].logprobs = tuple(logprobs[at][:length])
            self._rows[at].spans = tuple(self._spans(length))


class _Draws:
    """Draws the next token of every row from its own stream of noise, unless it is given."""

    def __init__(self, rows: Sequence[_Row]) -> None:
        self._rows = rows
        self._keys = np.array([row.request.key for row in rows], dtype=np.uint64)
        heat = torch.tensor([row.request.sampling.temperature for row in rows])
        self._greedy = heat == 0
        self._heat = torch.where(self._greedy, 1.0, heat)[:, None]
        self._none_greedy, self._cool = not bool(self._greedy.any()), bool((self._heat == 1).all())
        self._noise, self._begun = torch.empty(0), -AHEAD

    def of(self, places: torch.Tensor) -> "_Draws":
        """Return those of some rows."""
        return _Draws([self._rows[at] for at in places.tolist()])

    @cached_property
    def _given(self) -> torch.Tensor | None:
        """The tokens that are given (T, B); `NEVER` where there is none."""
        longest = max(len(row.given or ()) for row in self._rows)
        if not longest:
            return None
        given = [row.given or () for row in self._rows]
        return torch.tensor([[*ids, *[NEVER] * (longest - len(ids))] for ids in given]).T

    def pick(self, logits: torch.Tensor, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return a token (B) for every row, and the log-probability of each."""
        logprobs = torch.log_softmax(logits if self._cool else logits / self._heat, dim=-1)
        tokens = self._draw(logprobs, step)
        if not self._none_greedy:
            tokens = torch.where(self._greedy, logits.argmax(dim=-1), tokens)
        if self._given is not None and step < len(self._given):
            tokens = torch.where(self._given[step] < 0, tokens, self._given[step])
        return tokens, logprobs.gather(1, tokens[:, None])[:, 0]

    def _draw(self, logprobs: torch.Tensor, step: int) -> torch.Tensor:
        """Invert the cumulated probabilities: one number draws one token."""
        if step >= self._begun + AHEAD:
            ahead = np.arange(step, step + AHEAD, dtype=np.uint64)[:, None]
            self._noise, self._begun = torch.from_numpy(uniform(self._keys, ahead)), step
        cumulated = logprobs.double().exp_().cumsum(dim=-1)
        noise = self._noise[step - self._begun]
        drawn = torch.searchsorted(cumulated, (noise * cumulated[:, -1])[:, None], right=True)
        return drawn[:, 0].clamp_(max=logprobs.shape[1] - 1)
