"""A sampler over any transformers causal language model, in this process."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM
from transformers.utils import logging

from simctl.agents.policy.decoding import Decoder
from simctl.agents.policy.queue import Queue
from simctl.agents.policy.sampler import (
    SAMPLE_RANK,
    STUDY_RANK,
    Completion,
    Request,
    Studied,
    Study,
)
from simctl.agents.policy.study import study
from simctl.agents.policy.vocabulary import Vocabulary
from simctl.bus.quiescence import Quiescence


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
        self._decoder = Decoder(_load(path), Vocabulary(path), version, max_batch)
        self._proposed: tuple[int, torch.nn.Module] | None = None
        self._samples = Queue[Request, Completion](quiescence, SAMPLE_RANK, self._complete)
        self._studies = Queue[Study, Studied](quiescence, STUDY_RANK, self._learn)

    @property
    def version(self) -> int:
        """The policy version that serves."""
        return self._decoder.version

    def encode(self, text: str) -> tuple[int, ...]:
        """Return the token ids of `text`."""
        return self._decoder.vocabulary.encode(text)

    async def sample(self, requests: Sequence[Request]) -> list[Completion]:
        """Answer every request, in order, together with whatever else waits."""
        return await self._samples.ask(requests)

    async def study(self, studies: Sequence[Study]) -> list[Studied]:
        """Let copies of the version that serves learn, each for itself, and throw them away."""
        return await self._studies.ask(studies)

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
        version, model = self._proposed
        self._proposed, self._decoder = None, replace(self._decoder, model=model, version=version)

    def _complete(self, requests: Sequence[Request]) -> list[Completion]:
        return self._decoder.complete(requests)

    def _learn(self, studies: Sequence[Study]) -> list[Studied]:
        return [study(self._decoder, each) for each in studies]


def _load(path: Path) -> torch.nn.Module:
    try:
        model: torch.nn.Module = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
    except Exception as error:  # whatever a broken file makes the loader raise
        raise ValueError(f"{path} holds no loadable model: {error}") from error
    return model.eval()
