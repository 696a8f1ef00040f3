"""OpenAI's API over a policy: completions with token ids and log-probabilities, and chat.

What vLLM adds is added alike: `prompt` as token ids, `return_token_ids`, `prompt_logprobs`. What is
not known here (`stream`, `stop`, `top_p` and the like) is refused, for an answer without it would
be another than was asked for.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse
from starlette.routing import Route

from simctl.agents.policy.sampler import Completion, Request, Sampler
from simctl.agents.policy.vocabulary import Vocabulary
from simctl.bus.asks import Sampling
from simctl.bus.quiescence import Quiescence

_SEEDS = 1 << 62


class _Asked(BaseModel):
    """What both kinds of request say. Keys that change nothing are let pass by their only value."""

    model_config = ConfigDict(extra="forbid")

    model: str = ""
    max_tokens: int = Field(default=512, ge=1)
    temperature: float = Field(default=1.0, ge=0)
    seed: int | None = None
    n: int = Field(default=1, ge=1, le=1024)
    top_p: float = Field(default=1.0, ge=1, le=1)
    top_k: Literal[-1, 0] = -1
    min_p: float = Field(default=0.0, ge=0, le=0)
    repetition_penalty: float = Field(default=1.0, ge=1, le=1)
    stop_token_ids: frozenset[int] = frozenset()
    stream: Literal[False] = False
    skip_special_tokens: bool = True
    return_token_ids: bool = False
    user: str = ""


class CompletionAsked(_Asked):
    """A request for completions of a text, of token ids, or of several of either."""

    prompt: str | list[int] | list[str] | list[list[int]]
    logprobs: int | None = None
    prompt_logprobs: int | None = None
    echo: Literal[False] = False


class Message(BaseModel):
    """One message of a chat."""

    role: Literal["system", "user", "assistant"]
    content: str


class ChatAsked(_Asked):
    """A request for answers in a chat."""

    messages: list[Message] = Field(min_length=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    logprobs: bool = False
    chat_template_kwargs: dict[str, bool | int | str] = Field(default_factory=dict)


class OpenAI:
    """Answers requests by a sampler; those that come together are answered in one batch."""

    def __init__(
        self, sampler: Sampler, vocabulary: Vocabulary, quiescence: Quiescence, name: str
    ) -> None:
        """Serve under `name`; every name that a request gives is taken for it."""
        self._sampler = sampler
        self._vocabulary = vocabulary
        self._quiescence = quiescence
        self._name = name

    def application(self, *more: Route) -> Starlette:
        """Return the routes, and `more`."""
        return Starlette(
            routes=[
                Route("/health", self._health),
                Route("/v1/models", self._models),
                Route("/v1/completions", self._completions, methods=["POST"]),
                Route("/v1/chat/completions", self._chat, methods=["POST"]),
                *more,
            ],
            exception_handlers={ValidationError: _refuse, ValueError: _refuse},
            lifespan=self._lifespan,
        )

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncGenerator[None]:
        async with asyncio.TaskGroup() as group:
            pump = group.create_task(self._quiescence.run())
            yield
            pump.cancel()

    async def _health(self, _: HttpRequest) -> JSONResponse:
        return JSONResponse({"status": "ok", "policy_version": self._sampler.version})

    async def _models(self, _: HttpRequest) -> JSONResponse:
        model = {"id": self._name, "object": "model", "owned_by": "simctl"}
        return JSONResponse({"object": "list", "data": [model]})

    async def _completions(self, http: HttpRequest) -> JSONResponse:
        asked = CompletionAsked.model_validate_json(await http.body())
        prompts = [self._vocabulary.encode(each) for each in _prompts(asked.prompt)]
        if not all(prompts):
            raise ValueError("a prompt is empty")
        said = await self._sample(asked, prompts, asked.max_tokens)
        weighed = list[Completion | None]([None] * len(said))
        if asked.prompt_logprobs is not None:
            weighed = [each for each in await self._weigh(prompts) for _ in range(asked.n)]
        choices = [
            {
                "index": at,
                "text": each.text,
                "finish_reason": _reason(each),
                "logprobs": None if asked.logprobs is None else self._logprobs(each),
                **_ids(asked, each),
                **({} if heavy is None else {"prompt_logprobs": self._of_prompt(heavy)}),
            }
            for at, (each, heavy) in enumerate(zip(said, weighed, strict=True))
        ]
        return self._answer("text_completion", choices, said)

    async def _chat(self, http: HttpRequest) -> JSONResponse:
        asked = ChatAsked.model_validate_json(await http.body())
        messages = [each.model_dump() for each in asked.messages]
        prompt = self._vocabulary.encode(
            self._vocabulary.script(messages, asked.chat_template_kwargs)
        )
        said = await self._sample(asked, [prompt], asked.max_completion_tokens or asked.max_tokens)
        choices = [
            {
                "index": at,
                "message": {"role": "assistant", "content": each.text},
                "finish_reason": _reason(each),
                "logprobs": {"content": self._contents(each)} if asked.logprobs else None,
                **_ids(asked, each),
            }
            for at, each in enumerate(said)
        ]
        return self._answer("chat.completion", choices, said)

    async def _sample(
        self, asked: _Asked, prompts: Sequence[tuple[int, ...]], length: int
    ) -> list[Completion]:
        if asked.stop_token_ids - self._vocabulary.ends:
            ends = sorted(self._vocabulary.ends)
            raise ValueError(f"stop_token_ids: this model's answers end with {ends} only")
        seed = secrets.randbelow(_SEEDS) if asked.seed is None else asked.seed
        sampling = Sampling(temperature=asked.temperature, max_completion_length=length)
        wanted = [prompt for prompt in prompts for _ in range(asked.n)]
        return await self._sampler.sample(
            [Request(each, (seed + at) % _SEEDS, sampling) for at, each in enumerate(wanted)]
        )

    async def _weigh(self, prompts: Sequence[tuple[int, ...]]) -> list[Completion | None]:
        """Return the tokens of each prompt after its first as an answer to that."""
        longer = [each for each in prompts if len(each) > 1]
        asked = [Request(each[:1], 0, Sampling(), each[1:]) for each in longer]
        weighed = iter(await self._sampler.sample(asked))
        return [next(weighed) if len(each) > 1 else None for each in prompts]

    def _of_prompt(self, weighed: Completion) -> list[dict[str, Any] | None]:
        pairs = zip(weighed.tokens, weighed.logprobs, strict=True)
        return [
            None,
            *(
                {
                    str(t): {
                        "logprob": p,
                        "rank": None,
                        "decoded_token": self._vocabulary.decode([t]),
                    }
                }
                for t, p in pairs
            ),
        ]

    def _logprobs(self, said: Completion) -> dict[str, Any]:
        tokens = [self._vocabulary.decode([token]) for token in said.tokens]
        return {"tokens": tokens, "token_logprobs": list(said.logprobs)}

    def _contents(self, said: Completion) -> list[dict[str, Any]]:
        pairs = zip(said.tokens, said.logprobs, strict=True)
        return [
            {"token": self._vocabulary.decode([token]), "logprob": logprob, "top_logprobs": []}
            for token, logprob in pairs
        ]

    def _answer(self, kind: str, choices: list[Any], said: Sequence[Completion]) -> JSONResponse:
        shown, spoken = (
            sum(len(each.prompt_tokens) for each in said),
            sum(len(each.tokens) for each in said),
        )
        usage = {"prompt_tokens": shown, "completion_tokens": spoken}
        return JSONResponse(
            {
                "id": f"simctl-{secrets.token_hex(8)}",
                "object": kind,
                "created": int(time.time()),
                "model": self._name,
                "policy_version": self._sampler.version,
                "choices": choices,
                "usage": {**usage, "total_tokens": shown + spoken},
            }
        )


def _prompts(given: str | list[int] | list[str] | list[list[int]]) -> list[str | tuple[int, ...]]:
    if isinstance(given, str):
        return [given]
    found = list[str | tuple[int, ...]]()
    alone = list[int]()
    for each in given:
        if isinstance(each, int):
            alone.append(each)
        else:
            found.append(each if isinstance(each, str) else tuple(each))
    return [*found, tuple(alone)] if alone else found


def _ids(asked: _Asked, said: Completion) -> dict[str, list[int]]:
    if not asked.return_token_ids:
        return {}
    return {"token_ids": list(said.tokens), "prompt_token_ids": list(said.prompt_tokens)}


def _reason(said: Completion) -> str:
    return "length" if said.truncated else "stop"


async def _refuse(_: HttpRequest, error: Exception) -> JSONResponse:
    told = str(error)
    if isinstance(error, ValidationError):
        told = "; ".join(
            f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()
        )
    return JSONResponse(
        {"error": {"message": told, "type": "invalid_request_error"}}, status_code=400
    )
