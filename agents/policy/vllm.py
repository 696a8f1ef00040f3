"""A sampler over a vLLM server, which takes the run's new versions into the place of the old.

It is written against vLLM's documentation (0.32): completions with token ids, `prompt_logprobs`,
and the development routes `/collective_rpc` and `/reset_prefix_cache`, which a server has under
VLLM_SERVER_DEV_MODE=1. It must run with `--logprobs-mode processed_logprobs`, and see the run's
directory at the path that it has here. A reload that a server calls good has been seen to leave
neither the old nor the new weights: so every version is proved by its log-probabilities, and what
is put back after a refusal as well.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from simctl.agents.policy.endpoint import EndpointSampler, weigh
from simctl.agents.policy.engines import OpenAIEngine
from simctl.agents.policy.http import EndpointError, Poster
from simctl.agents.policy.sampler import Completion, Prompt, Request, Studied, Study
from simctl.agents.policy.vocabulary import Vocabulary
from simctl.bus.quiescence import Quiescence

_MARKED = 16  # tokens by whose log-probabilities weights are known again


class VllmSampler:
    """Serves one version at a time, at a server; new weights replace the old where they are."""

    def __init__(  # noqa: PLR0913 - what it serves, and where
        self,
        settings: OpenAIEngine,
        poster: Poster,
        control: Poster,
        path: Path,
        version: int,
        *,
        quiescence: Quiescence,
        tolerance: float,
    ) -> None:
        """Have the server load `path` as `version`; `control` posts below its root.

        Raises:
            EndpointError: the server does not answer as it must.
            ValueError: `path` has no tokenizer.
        """
        self._settings = settings
        self._poster = poster
        self._control = control
        self.tolerance = tolerance
        self._vocabulary = Vocabulary(path)
        self._reload(path)
        self._serving = (version, path)
        self._mark = self._marked()
        self._proposed: tuple[int, Path] | None = None
        self._asked = EndpointSampler(settings, poster, quiescence, self._vocabulary)

    @property
    def version(self) -> int:
        """The policy version that serves."""
        return self._serving[0]

    def encode(self, text: Prompt) -> tuple[int, ...]:
        """Return the token ids of a prompt, or of a text."""
        return self._vocabulary.encode(text)

    async def sample(self, requests: Sequence[Request]) -> list[Completion]:
        """Answer every request, in order; no version changes while one is under way."""
        version = self.version
        said = await self._asked.sample(requests)
        return [replace(each, policy_version=version) for each in said]

    async def study(self, studies: Sequence[Study]) -> list[Studied]:
        """Refuse: no weights are here that could learn.

        Raises:
            EndpointError: always.
        """
        raise EndpointError(f"no copy of {self._settings.model} learns at {len(studies)} exams")

    def propose(self, version: int, path: Path) -> None:
        """Let the server load a version in the place of the one that serves."""
        self._proposed = (version, path)
        self._reload(path)

    def score(
        self, prompt: Sequence[int], tokens: Sequence[int], role: str | None = None
    ) -> list[float]:
        """Return the log-probability of each token under what the server holds, in nats."""
        if role is not None:
            raise EndpointError(f"a vLLM server holds no copy of its own for the {role}")
        return list(weigh(self._poster, self._settings, prompt, tokens).logprobs)

    def accept(self) -> None:
        """Serve the proposed version."""
        if self._proposed is None:
            raise ValueError("no version has been proposed")
        self._serving, self._proposed = self._proposed, None
        self._mark = self._marked()

    def reject(self) -> None:
        """Let the server load again what served before, and prove that it did.

        Raises:
            EndpointError: it serves something else, and no answer of it can be trusted.
        """
        if self._proposed is None:
            return
        self._proposed = None
        version, path = self._serving
        self._reload(path)
        pairs = zip(self._marked(), self._mark, strict=True)
        delta = max(abs(now - before) for now, before in pairs)
        if not delta <= self.tolerance:
            raise EndpointError(
                f"{self._settings.base_url} was to serve version {version} again, and its "
                f"log-probabilities are {delta:.3g} nats from what they were (bound "
                f"{self.tolerance}): start the server again, and go on with --resume"
            )

    def _reload(self, path: Path) -> None:
        wanted = {"weights_path": str(path.absolute())}
        self._control.post("collective_rpc", {"method": "reload_weights", "kwargs": wanted})
        # what was read by other weights must not be gone on from
        self._control.post("reset_prefix_cache", {})

    def _marked(self) -> tuple[float, ...]:
        ids = sorted(self._vocabulary.ends) * _MARKED
        return weigh(self._poster, self._settings, ids[:1], ids[1 : _MARKED + 1]).logprobs
