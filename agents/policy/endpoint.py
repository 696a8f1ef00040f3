"""A sampler over an endpoint that speaks OpenAI's API.

By `completions` token ids go in and token ids and log-probabilities come back, as vLLM gives them
(`return_token_ids`); by `chat` messages go in and texts come back, and nothing can train on those.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from simctl.agents.policy.engines import OpenAIEngine
from simctl.agents.policy.http import EndpointError
from simctl.agents.policy.queue import Queue
from simctl.agents.policy.sampler import SAMPLE_RANK, Completion, Dialogue, Prompt, Request
from simctl.agents.policy.vocabulary import Vocabulary
from simctl.bus.quiescence import Quiescence

_SEEDS = 1 << 31  # seeds that every server takes


class Posts(Protocol):
    """An endpoint that is asked."""

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return its answer to a request below its address."""
        ...


class EndpointSampler:
    """Asks an endpoint; what waits together is asked at once, `max_concurrent` at a time.

    Noise is the server's: the seed of a request is its key, which servers promise little for.
    """

    version = 0  # whatever serves there

    def __init__(
        self,
        settings: OpenAIEngine,
        poster: Posts,
        quiescence: Quiescence,
        vocabulary: Vocabulary | None = None,
    ) -> None:
        """Ask by `poster`; `vocabulary` is the tokenizer of the model there, for completions.

        Raises:
            ValueError: completions are wanted, and there is no tokenizer.
        """
        if settings.api == "completions" and vocabulary is None:
            raise ValueError('api "completions" sends token ids: let tokenizer name its tokenizer')
        self._settings = settings
        self._poster = poster
        self._vocabulary = vocabulary
        self._queue = Queue[Request, Completion | EndpointError](
            quiescence, SAMPLE_RANK, self._complete
        )

    def ask_for(self, model: str) -> None:
        """Ask for another model there from now on."""
        self._settings = self._settings.model_copy(update={"model": model})

    def encode(self, text: Prompt) -> tuple[int, ...]:
        """Return the token ids of a prompt, or of a text.

        Raises:
            EndpointError: nobody here knows the tokenizer.
        """
        if self._vocabulary is None:
            raise EndpointError(f"nobody knows the token ids of {self._settings.model}")
        return self._vocabulary.encode(text)

    async def sample(self, requests: Sequence[Request]) -> list[Completion]:
        """Answer every request, in order.

        Raises:
            EndpointError: one of them could not be answered.
        """
        answered = list[Completion]()
        for each in await self._queue.ask(requests):
            if isinstance(each, EndpointError):
                raise each
            answered.append(each)
        return answered

    def _complete(self, requests: Sequence[Request]) -> list[Completion | EndpointError]:
        with ThreadPoolExecutor(self._settings.max_concurrent) as threads:
            return list(threads.map(self._tried, requests))

    def _tried(self, request: Request) -> Completion | EndpointError:
        try:
            if self._vocabulary is not None and self._settings.api == "completions":
                return complete(self._poster, self._settings, self._vocabulary, request)
            return self._chat(request)
        except EndpointError as error:  # of one request; the others are answered
            return error

    def _chat(self, request: Request) -> Completion:
        if request.answer is not None:
            raise EndpointError('only api "completions" can weigh an answer')
        body = _asked(self._settings, request) | {"messages": _messages(request.prompt)}
        choice, spent = _choice(self._poster.post("chat/completions", body))
        message = choice.get("message") or {}
        return Completion(
            prompt_tokens=(),
            tokens=(),
            logprobs=(),
            text=str(message.get("content") or ""),
            truncated=choice.get("finish_reason") == "length",
            policy_version=0,
            spent=spent,
        )


def complete(
    poster: Posts, settings: OpenAIEngine, vocabulary: Vocabulary, request: Request
) -> Completion:
    """Return what is said after the token ids of a prompt, or what a given answer weighs there.

    Raises:
        EndpointError: there is no answer, or one without token ids and log-probabilities.
    """
    prompt = vocabulary.encode(request.prompt)
    if request.answer is not None:
        return weigh(poster, settings, prompt, vocabulary.encode(request.answer))
    body = _asked(settings, request) | {
        "prompt": list(prompt),
        "logprobs": 1,
        "return_token_ids": True,
        "skip_special_tokens": False,
    }
    choice, spent = _choice(poster.post("completions", body))
    tokens = choice.get("token_ids")
    logprobs = (choice.get("logprobs") or {}).get("token_logprobs")
    if not tokens or not logprobs or len(tokens) != len(logprobs):
        raise EndpointError(
            f"{settings.base_url} gives no token ids with log-probabilities (return_token_ids and "
            "logprobs, as vLLM has them): nothing can be trained on what it says. For a role that "
            'is not trained, api "chat" needs neither'
        )
    said = tuple(int(token) for token in tokens)
    text, _ = vocabulary.read(said)
    return Completion(
        prompt_tokens=prompt,
        tokens=said,
        logprobs=tuple(float(each) for each in logprobs),
        text=text,
        truncated=choice.get("finish_reason") == "length",
        policy_version=0,
        spent=spent,
    )


def weigh(
    poster: Posts, settings: OpenAIEngine, prompt: Sequence[int], answer: Sequence[int]
) -> Completion:
    """Return an answer with the log-probabilities that an endpoint gives its tokens.

    Raises:
        EndpointError: it gives none of a prompt (`prompt_logprobs`, as vLLM has them).
    """
    ids = [*prompt, *answer]
    asked = {"model": settings.model, "prompt": ids, "max_tokens": 1, "prompt_logprobs": 0}
    choice, spent = _choice(poster.post("completions", {**settings.extra, **asked}))
    given = choice.get("prompt_logprobs")
    if not given or len(given) != len(ids):
        raise EndpointError(f"{settings.base_url} gives no prompt_logprobs: it can weigh nothing")
    logprobs = [
        float(at[str(token)]["logprob"])
        for token, at in zip(answer, given[len(prompt) :], strict=True)
    ]
    return Completion(
        prompt_tokens=tuple(prompt),
        tokens=tuple(answer),
        logprobs=tuple(logprobs),
        text="",
        truncated=True,
        policy_version=0,
        spent=spent,
    )


def _asked(settings: OpenAIEngine, request: Request) -> dict[str, Any]:
    return {
        **settings.extra,
        "model": settings.model,
        "max_tokens": request.sampling.max_completion_length,
        "temperature": request.sampling.temperature,
        "seed": request.key % _SEEDS,
    }


def _messages(prompt: Prompt) -> list[dict[str, str]]:
    if not isinstance(prompt, Dialogue):
        raise EndpointError('api "chat" takes dialogues; for other prompts there is "completions"')
    if prompt.begun:
        raise EndpointError('api "chat" cannot go on from a beginning; "completions" can')
    system = [{"role": "system", "content": prompt.system}] if prompt.system else []
    return [*system, {"role": "user", "content": prompt.user}]


def _choice(answer: dict[str, Any]) -> tuple[dict[str, Any], tuple[int, int]]:
    """Return the first choice of an answer, and the tokens shown and said for it."""
    choices, usage = answer.get("choices") or [], answer.get("usage") or {}
    if not choices or not isinstance(choices[0], dict):
        raise EndpointError(f"an answer without choices: {str(answer)[:300]}")
    spent = (usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0)
    return choices[0], (int(spent[0]), int(spent[1]))
