"""Engines that a recipe can name: who answers for a role that the run's own policy does not play.

What they say trains nothing: their tokens are of another vocabulary, or unknown.
"""

from typing import Annotated, Literal

from pydantic import Field

from simctl.bus.values import Value


class LocalEngine(Value):
    """Another model of transformers, in this process. Its weights stay as they are."""

    kind: Literal["transformers"] = "transformers"
    path: str = Field(description="a directory of transformers, or a hub id")


class OpenAIEngine(Value):
    """An endpoint that speaks OpenAI's API: of a provider, vLLM, SGLang, llama.cpp, or simctl."""

    kind: Literal["openai"] = "openai"
    base_url: str = Field(description="where it is, such as http://127.0.0.1:8000/v1")
    model: str = Field(description="the model's name there")
    api: Literal["chat", "completions"] = Field(
        default="chat",
        description="chat: messages, texts back; completions: token ids, with log-probs back",
    )
    tokenizer: str = Field(
        default="",
        description="for completions: a directory or hub id with the model's tokenizer",
    )
    api_key_env: str = Field(
        default="", description="environment variable with the key; empty for none"
    )
    timeout: float = Field(default=120.0, gt=0, description="seconds that an answer may take")
    retries: int = Field(
        default=5, ge=0, description="further tries after a time-out, a 429 or a 5xx"
    )
    max_concurrent: int = Field(default=16, ge=1, description="requests under way at a time")
    requests_per_minute: float | None = Field(
        default=None, gt=0, description="most requests a minute; none: as fast as it goes"
    )
    extra: dict[str, bool | int | float | str | tuple[int, ...]] = Field(
        default_factory=dict, description="further keys of each request, such as top_p"
    )


AnyEngine = Annotated[LocalEngine | OpenAIEngine, Field(discriminator="kind")]
