"""Samplers: the generating face of a policy. Text in, token ids and log-probabilities out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from simctl.bus.asks import Sampling

SAMPLE_RANK = 1  # of a sampler's work: after commits


@dataclass(frozen=True, slots=True)
class Request:
    """One answer wanted.

    `key` names its stream of noise: position t of the answer always draws the same number,
    whoever shares the batch.
    """

    prompt: str
    key: int
    sampling: Sampling


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer.

    `tokens` and `logprobs` have one length and include the end token unless `truncated`; `text`
    leaves it out. Log-probabilities are those of the distribution that was
    sampled from (logits divided by the temperature; by 1 when greedy).
    """

    prompt_tokens: tuple[int, ...]
    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    text: str
    truncated: bool
    policy_version: int


class Sampler(Protocol):
    """Answers prompts with one version of the policy at a time."""

    @property
    def version(self) -> int:
        """The policy version that serves."""
        ...

    def encode(self, text: str) -> tuple[int, ...]:
        """Return the token ids of `text`."""
        ...

    async def sample(self, requests: Sequence[Request]) -> list[Completion]:
        """Answer every request, in order."""
        ...


class Syncable(Protocol):
    """A sampler whose weights can be replaced."""

    def propose(self, version: int, path: Path) -> None:
        """Load a version beside the one that serves.

        Raises:
            ValueError: the directory holds no such model.
        """
        ...

    def score(self, prompt: Sequence[int], tokens: Sequence[int]) -> list[float]:
        """Return the log-probability of each token under the proposed version, in nats."""
        ...

    def accept(self) -> None:
        """Serve the proposed version from the next batch on."""
        ...


class ServingSampler(Sampler, Syncable, Protocol):
    """A sampler that serves a society: it answers, and takes new weights."""
