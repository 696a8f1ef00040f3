"""The proof of the version that a server begins with, which no trainer has announced."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from simctl.agents.policy.decoding import Decoder
from simctl.agents.policy.sampler import Request
from simctl.agents.policy.transformers import load
from simctl.agents.policy.vocabulary import Vocabulary
from simctl.bus.asks import Sampling

_ANSWERS, _LENGTH = 4, 16  # that are held against each other, and their tokens


class Scores(Protocol):
    """Weights at a server."""

    def score(self, prompt: Sequence[int], tokens: Sequence[int]) -> list[float]:
        """Return the log-probability of each token, in nats."""
        ...


def difference(served: Scores, path: Path) -> float:
    """Return how far log-probabilities at a server are from those of the policy in `path`, in nats.

    They are those of answers that the policy itself draws, in float32 and in this process. It is
    the largest difference of any token.
    """
    vocabulary = Vocabulary(path)
    policy = Decoder(load(path, "cpu", "float32"), vocabulary, 0, _ANSWERS)
    begun, sampling = tuple(sorted(vocabulary.ends))[:1], Sampling(max_completion_length=_LENGTH)
    said = policy.complete([Request(begun, key, sampling) for key in range(_ANSWERS)])
    return max(
        abs(ours - theirs)
        for each in said
        for ours, theirs in zip(each.logprobs, served.score(begun, each.tokens), strict=True)
    )
