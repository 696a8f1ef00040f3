"""An ensemble: the run's own policy, and other engines for the roles that a recipe gives them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from simctl.agents.policy.sampler import (
    Closes,
    Completion,
    Persists,
    Prompt,
    Request,
    Rests,
    Sampler,
    ServingSampler,
    Studied,
    Study,
)
from simctl.bus.asks import Role


class Ensemble:
    """Answers each request by the engine of its role. Only the run's own policy learns."""

    def __init__(
        self, own: ServingSampler, others: Mapping[Role, Sampler], names: Mapping[Role, str]
    ) -> None:
        """Let `others` answer for their roles; `names` are what the log calls them."""
        self._own = own
        self._others = others
        self._names = names

    @property
    def version(self) -> int:
        """The version of the run's own policy that serves."""
        return self._own.version

    @property
    def tolerance(self) -> float:
        """How far log-probabilities of the run's own policy may be from the trainer's, in nats."""
        return self._own.tolerance

    def encode(self, text: Prompt) -> tuple[int, ...]:
        """Return the token ids that the run's own policy has for a prompt or a text."""
        return self._own.encode(text)

    async def sample(self, requests: Sequence[Request]) -> list[Completion]:
        """Answer every request, in order; each is of one role, as all of a call are."""
        role = requests[0].role if requests else "solver"
        other = self._others.get(role)
        if other is None:
            return await self._own.sample(requests)
        return [self._foreign(role, each) for each in await other.sample(requests)]

    def _foreign(self, role: Role, said: Completion) -> Completion:
        spent = said.spent or (len(said.prompt_tokens), len(said.tokens))
        return replace(said, engine=self._names[role], spent=spent)

    async def study(self, studies: Sequence[Study]) -> list[Studied]:
        """Let copies of the run's own policy learn."""
        return await self._own.study(studies)

    def propose(self, version: int, path: Path) -> None:
        """Load a version of the run's own policy."""
        self._own.propose(version, path)

    def score(
        self, prompt: Sequence[int], tokens: Sequence[int], role: str | None = None
    ) -> list[float]:
        """Return the log-probability of each token under the proposed version, in nats."""
        return self._own.score(prompt, tokens, role)

    def accept(self) -> None:
        """Serve the proposed version from the next batch on."""
        self._own.accept()

    def reject(self) -> None:
        """Serve on what served before."""
        self._own.reject()

    @property
    def how(self) -> str:
        """Which way the last version of the run's own policy went, if it knows several."""
        return self._own.how if isinstance(self._own, Persists) else ""

    def again(self, reason: str) -> bool:
        """Load the proposed version by the next way; False if there is none."""
        return isinstance(self._own, Persists) and self._own.again(reason)

    def rest(self) -> None:
        """Let go of the run's own policy until it is wanted again."""
        if isinstance(self._own, Rests):
            self._own.rest()

    def close(self) -> None:
        """Have no more to do with where the run's own policy is held."""
        if isinstance(self._own, Closes):
            self._own.close()
