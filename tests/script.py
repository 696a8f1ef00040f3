"""A sampler that says what a script has for each prompt, for tests."""

from collections.abc import Callable, Sequence

from simctl.agents.policy.alphabet import encode
from simctl.agents.policy.sampler import Completion, Request


class Script:
    """Answers each request with a text, and with one log-probability for all of its tokens."""

    version = 0

    def __init__(self, answer: Callable[[Request], tuple[str, float]]) -> None:
        self._answer = answer
        self.asked: list[Request] = []

    def encode(self, text: str) -> tuple[int, ...]:
        return encode(text)

    async def sample(self, requests: Sequence[Request]) -> list[Completion]:
        self.asked += requests
        return [self._complete(request) for request in requests]

    def _complete(self, request: Request) -> Completion:
        text, logprob = self._answer(request)
        limit = request.sampling.max_completion_length
        tokens = encode(text) if request.answer else encode(text + "\n")[:limit]
        truncated = bool(request.answer) or len(tokens) <= len(encode(text))
        return Completion(
            prompt_tokens=encode(request.prompt),
            tokens=tokens,
            logprobs=(logprob,) * len(tokens),
            text=text if not truncated else _text(text, len(tokens)),
            truncated=truncated,
            policy_version=0,
        )


def _text(text: str, tokens: int) -> str:
    """Return as much of a text as so many tokens say."""
    return next(text[:at] for at in range(len(text), -1, -1) if len(encode(text[:at])) == tokens)
