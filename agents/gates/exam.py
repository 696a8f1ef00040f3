"""An exam: questions put to a policy in the roles' own words, with seeded noise."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from simctl.agents import prompts
from simctl.agents.policy.sampler import Request, Sampler
from simctl.agents.tasks.chain import Problem, draw, solve
from simctl.bus.asks import Sampling
from simctl.bus.dice import dice, stream

_SEED = 20_260_102  # an exam belongs to the school, not to a run
_LONGEST = 80  # tokens of an answer


@dataclass(frozen=True, slots=True)
class Exam:
    """Asks a policy; every figure is a share of `questions`."""

    sampler: Sampler
    questions: int = 300

    def dice(self, purpose: str) -> Random:
        """Return the dice of a part of the exam."""
        return dice(_SEED, "exam", purpose)

    def problems(self, purpose: str, lengths: Sequence[int]) -> list[Problem]:
        """Draw problems of these numbers of operations."""
        rng = self.dice(purpose)
        return [draw(rng.choice(lengths), rng) for _ in range(self.questions)]

    async def greedy(self, asked: Sequence[str]) -> list[str]:
        """Return the likeliest answers, token by token."""
        return await self._say(asked, [0] * len(asked), 0.0)

    async def sampled(self, asked: Sequence[str], purpose: str) -> list[str]:
        """Return answers at temperature 1."""
        keys = [stream(_SEED, "exam", purpose, at) for at in range(len(asked))]
        return await self._say(asked, keys, 1.0)

    async def attempts(self, problems: Sequence[Problem], purpose: str) -> list[str]:
        """Return an own attempt at each problem."""
        return await self.sampled([prompts.solver(str(each)) for each in problems], purpose)

    async def accuracy(self, problems: Sequence[Problem], asked: Sequence[str]) -> float:
        """Return the share of greedy answers that are right derivations."""
        said = await self.greedy(asked)
        right = [text == solve(problem) for text, problem in zip(said, problems, strict=True)]
        return share(right)

    async def _say(self, asked: Sequence[str], keys: Sequence[int], heat: float) -> list[str]:
        sampling = Sampling(temperature=heat, max_completion_length=_LONGEST)
        wanted = [Request(text, key, sampling) for text, key in zip(asked, keys, strict=True)]
        return [said.text for said in await self.sampler.sample(wanted)]


def share(verdicts: Sequence[bool]) -> float:
    """Return the share that is true; of nothing it is 0."""
    return round(sum(verdicts) / len(verdicts), 6) if verdicts else 0.0
