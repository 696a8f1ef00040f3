"""A sampler over a vLLM server, which takes the run's new versions.

It has been run against vLLM 0.32 on a CPU. There are three ways to a new version, of which each is
tried after the one before it failed: an adapter beside the weights, where LoRA learns; a reload in
place; and a server that begins anew, where it is our own. A reload that a server calls good has
been seen to leave neither the old nor the new weights: so every version is proved by its
log-probabilities, what is put back after a refusal as well, and a way that lied is not gone again.
"""

import asyncio
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from simctl.agents.policy.endpoint import EndpointSampler, weigh
from simctl.agents.policy.engines import OpenAIEngine
from simctl.agents.policy.http import EndpointError
from simctl.agents.policy.sampler import Completion, Prompt, Request, Studied, Study
from simctl.agents.policy.vllm.server import Server
from simctl.agents.policy.vocabulary import Vocabulary
from simctl.bus.quiescence import Quiescence
from simctl.store.policies import ADAPTER, ADAPTER_FILES

_MARKED = 16  # tokens by whose log-probabilities weights are known again
_CONCURRENT = 64  # requests under way at a time
# what a server would take from the model's makers where a request does not say it
_PLAIN = {"top_p": 1.0, "top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0}
Way = Literal["adapter", "reload", "restart"]
WAYS: tuple[Way, ...] = ("adapter", "reload", "restart")


@dataclass(frozen=True)
class _Held:
    """A version at the server: `weights` that it must hold, and the model's `name` there."""

    version: int
    path: Path
    weights: Path
    name: str


class VllmSampler:
    """Serves one version at a time, at a server."""

    def __init__(  # noqa: PLR0913 - what it serves, and where
        self,
        server: Server,
        model: str,
        path: Path,
        version: int,
        *,
        quiescence: Quiescence,
        tolerance: float,
        base: Path | None = None,
        sleeps: bool = False,
    ) -> None:
        """Have the server hold `path` as `version`; it calls its weights `model`.

        `base` are the weights that the adapters of versions belong to. One that `sleeps` may be
        found asleep: whoever let it is no more.

        Raises:
            EndpointError: the server does not answer as it must.
            ValueError: `path` has no tokenizer.
        """
        self._server = server
        self._model = model
        self._base = base
        self.tolerance = tolerance
        self._vocabulary = Vocabulary(path)
        self._settings = OpenAIEngine(
            base_url="vLLM",
            model=model,
            api="completions",
            max_concurrent=_CONCURRENT,
            extra={**_PLAIN, "stop_token_ids": tuple(sorted(self._vocabulary.ends))},
        )
        self._asleep = sleeps and not server.own
        self._waking = threading.Lock()
        self._unfit: dict[Way, str] = {}  # ways that failed, and how
        self._left: list[Way] = []
        self._how: list[str] = []  # of the version that is proposed
        self._serving = self._first(version, path)
        self._mark = self._marked(self._serving.name)
        self._proposed: _Held | None = None
        self._asked = EndpointSampler(self._settings, server, quiescence, self._vocabulary)
        self._asked.ask_for(self._serving.name)

    @property
    def version(self) -> int:
        """The policy version that serves."""
        return self._serving.version

    @property
    def how(self) -> str:
        """Which way the last version went, and what was wrong with those tried before."""
        return ", ".join(self._how)

    def encode(self, text: Prompt) -> tuple[int, ...]:
        """Return the token ids of a prompt, or of a text."""
        return self._vocabulary.encode(text)

    async def sample(self, requests: Sequence[Request]) -> list[Completion]:
        """Answer every request, in order; no version changes while one is under way."""
        if self._asleep:
            await asyncio.to_thread(self._rouse)
        version = self.version
        said = await self._asked.sample(requests)
        return [replace(each, policy_version=version) for each in said]

    async def study(self, studies: Sequence[Study]) -> list[Studied]:
        """Refuse: no weights are here that could learn.

        Raises:
            EndpointError: always.
        """
        raise EndpointError(f"no copy of vLLM's policy learns at {len(studies)} exams")

    def rest(self) -> None:
        """Let the server sleep until something is asked, or proposed.

        Raises:
            EndpointError: it does not.
        """
        self._asleep = True
        self._server.sleep()

    def propose(self, version: int, path: Path) -> None:
        """Let the server take a version, by the first way that it does not refuse.

        Raises:
            EndpointError: it refuses all.
        """
        self._left = [way for way in WAYS if self._open(way, path)]
        self._how = []
        self._proposed = _Held(version, path, path, self._model)
        if not self._go_on():
            raise EndpointError(self.how or f"the server has no way to take {path}")

    def again(self, reason: str) -> bool:
        """Let the server take the proposed version by the next way; False if there is none."""
        if self._proposed is not None:
            self._forget(self._proposed)
        self._fail(reason)
        return self._go_on()

    def score(
        self, prompt: Sequence[int], tokens: Sequence[int], role: str | None = None
    ) -> list[float]:
        """Return the log-probability of each token under what was proposed last, in nats."""
        if role is not None:
            raise EndpointError(f"a vLLM server holds no copy of its own for the {role}")
        return self._weigh((self._proposed or self._serving).name, prompt, tokens)

    def accept(self) -> None:
        """Serve the proposed version."""
        if self._proposed is None:
            raise ValueError("no version has been proposed")
        before, self._serving, self._proposed = self._serving, self._proposed, None
        self._mark = self._marked(self._serving.name)
        self._asked.ask_for(self._serving.name)
        self._forget(before)

    def reject(self) -> None:
        """Let the server hold again what served before, and prove that it does.

        Raises:
            EndpointError: it serves something else, and no answer of it can be trusted.
        """
        proposed, self._proposed, self._left = self._proposed, None, []
        if proposed is None:
            return
        self._forget(proposed)
        if proposed.weights != self._serving.weights:
            self._put_back()
        elif self._differs():
            raise EndpointError(self._lost())

    def close(self) -> None:
        """Have no more to do with the server; one of somebody else's is left awake."""
        with suppress(EndpointError):  # the trainer may hold what it needs to wake
            if not self._server.own:
                self._wake()
        self._server.close()

    def _first(self, version: int, path: Path) -> _Held:
        """Let the server hold what serves first."""
        held = _Held(version, path, path, self._model)
        if self._open("adapter", path) and self._base is not None:
            try:
                self._begin(self._base)
                return self._adapted(held)
            except EndpointError as error:
                self._unfit["adapter"] = str(error)
        self._begin(path)
        return held

    def _open(self, way: Way, path: Path) -> bool:
        """Whether a way is there, and has not failed."""
        if way in self._unfit:
            return False
        if way == "restart":
            return self._server.own
        adapters = all((path / ADAPTER / name).is_file() for name in ADAPTER_FILES)
        return way == "reload" or (self._base is not None and adapters)

    def _go_on(self) -> bool:
        """Go the next way that the server does not refuse."""
        while self._left and self._proposed is not None:
            way = self._left[0]
            self._how.append(way)
            try:
                self._proposed = self._gone(way, self._proposed)
            except EndpointError as error:
                self._fail(str(error))
            else:
                return True
        return False

    def _gone(self, way: Way, held: _Held) -> _Held:
        whole = replace(held, weights=held.path, name=self._model)
        if way == "adapter":
            return self._adapted(held)
        if way == "reload":
            self._reload(held.path)
        else:
            self._begin(held.path)
        return whole

    def _begin(self, path: Path) -> None:
        if not self._server.own:  # it lives on
            self._wake()
        self._server.begin(path)
        self._asleep = False

    def _reload(self, path: Path) -> None:
        self._wake()
        self._server.reload(path)

    def _adapted(self, held: _Held) -> _Held:
        if self._base is None:
            raise EndpointError("nothing is known to which the adapter belongs")
        self._wake()
        name = f"{self._model}-v{held.version}"
        self._server.adapt(name, held.path / ADAPTER)
        return replace(held, weights=self._base, name=name)

    def _fail(self, reason: str) -> None:
        """Note that the way gone last led nowhere."""
        if not self._left:
            return
        way = self._left.pop(0)
        self._how[-1] += f" ({reason})"
        if self._left:  # the last one is tried each time
            self._unfit[way] = reason

    def _forget(self, held: _Held) -> None:
        if held.name not in (self._model, self._serving.name):
            with suppress(EndpointError):  # one that stays does no harm
                self._server.drop(held.name)

    def _put_back(self) -> None:
        """Let the server hold the weights that serve again, by the ways that did not fail."""
        serving, told = self._serving, ""
        for way in (each for each in WAYS[1:] if self._open(each, serving.weights)):
            try:
                if way == "reload":
                    self._reload(serving.weights)
                else:
                    self._begin(serving.weights)
                    if serving.name != self._model:
                        self._adapted(serving)
            except EndpointError as error:
                told = str(error)
                continue
            if not self._differs():
                return
            told = ""
        raise EndpointError(told or self._lost())

    def _wake(self) -> None:
        with self._waking:
            if self._asleep:
                self._server.wake()
                self._asleep = False

    def _rouse(self) -> None:
        """Let it wake for a question, which nobody should have in its sleep."""
        if self._differs():
            raise EndpointError(self._lost())

    def _differs(self) -> bool:
        pairs = zip(self._marked(self._serving.name), self._mark, strict=True)
        self._delta = max(abs(now - before) for now, before in pairs)
        return not self._delta <= self.tolerance

    def _lost(self) -> str:
        return (
            f"the vLLM server was to serve version {self.version} again, and its log-probabilities "
            f"are {self._delta:.3g} nats from what they were (bound {self.tolerance}): start the "
            "server again, and go on with --resume"
        )

    def _marked(self, name: str) -> list[float]:
        ids = sorted(self._vocabulary.ends) * _MARKED
        return self._weigh(name, ids[:1], ids[1 : _MARKED + 1])

    def _weigh(self, name: str, prompt: Sequence[int], tokens: Sequence[int]) -> list[float]:
        self._wake()
        settings = self._settings.model_copy(update={"model": name})
        return list(weigh(self._server, settings, prompt, tokens).logprobs)
