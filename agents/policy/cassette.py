"""The cassette: a sampler that says again what a log has recorded. No model is behind it."""

import asyncio
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager

from simctl.agents.policy.sampler import SAMPLE_RANK, Completion, Prompt, Request
from simctl.agents.policy.vocabulary import Vocabulary
from simctl.bus.event import Utterance
from simctl.bus.quiescence import Quiescence, Work


class NotRecordedError(Exception):
    """Something was asked of the policy that the log has no answer to."""


class Cassette:
    """Answers a request by its key, at the moments at which a model would.

    The prompt is encoded anew: it is for whoever hears the answer to compare it with the one that
    was recorded.
    """

    def __init__(self, vocabulary: Vocabulary, version: int, quiescence: Quiescence) -> None:
        """Answer in `vocabulary`, as `version` until another is set."""
        self.version = version
        self._vocabulary = vocabulary
        self._quiescence = quiescence
        self._recorded: dict[int, Utterance] = {}
        self._waiting: list[tuple[Sequence[Request], asyncio.Future[list[Completion]]]] = []
        quiescence.add(Work(SAMPLE_RANK, lambda: bool(self._waiting), self._answer))

    @contextmanager
    def loaded(self, recorded: Mapping[int, Utterance]) -> Generator[None]:
        """Have these answers ready by their keys, as long as it is entered."""
        self._recorded.update(recorded)
        try:
            yield
        finally:
            for key in recorded:
                del self._recorded[key]

    def encode(self, text: Prompt) -> tuple[int, ...]:
        """Return the token ids of a prompt, or of a text."""
        return self._vocabulary.encode(text)

    async def sample(self, requests: Sequence[Request]) -> list[Completion]:
        """Answer every request, in order.

        Raises:
            NotRecordedError: there is no answer to one of them.
        """
        answered: asyncio.Future[list[Completion]] = asyncio.get_running_loop().create_future()
        self._waiting.append((requests, answered))
        self._quiescence.touch()
        return await answered

    async def _answer(self) -> None:
        waiting, self._waiting = self._waiting, []
        for requests, answered in waiting:
            if answered.done():
                continue
            try:
                answered.set_result([self._complete(request) for request in requests])
            except NotRecordedError as error:
                answered.set_exception(error)
        self._quiescence.touch()

    def _complete(self, request: Request) -> Completion:
        said = self._recorded.get(request.key)
        if said is None:
            raise NotRecordedError(f"the log has no answer to the prompt {request.prompt!r}")
        text, truncated = self._vocabulary.read(said.tokens)
        return Completion(
            prompt_tokens=self.encode(request.prompt),
            tokens=said.tokens,
            logprobs=said.logprobs,
            text=text,
            truncated=truncated,
            policy_version=self.version,
        )
