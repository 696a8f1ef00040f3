"""Tree: the value-guided search of ReST-MCTS*, within a budget of tokens."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from simctl.agents.inference.desk import Desk
from simctl.agents.inference.judge import Judge, rate
from simctl.agents.inference.mode import Sampled
from simctl.agents.search import Grown, TreeSearch, best, search
from simctl.bus.asks import Sampling


class Tree(TreeSearch, Sampled):
    """Search in a tree of steps (2406.03816, sec. 3.2), handing in the solution of most value."""

    kind: Literal["tree"] = "tree"
    judge: Judge = Field(default="value", description="how the critic rates: its value, or a check")

    async def solve(self, desk: Desk) -> str:
        """Return the whole solution with the highest value."""
        found = await search(_Alone(desk, self), self)
        return best(found).text


@dataclass(frozen=True)
class _Alone:
    """Explores with nothing but the sampler."""

    desk: Desk
    mode: Tree

    @property
    def tokens(self) -> int:
        return self.desk.tokens

    async def grow(self, partial: str, n: int) -> list[Grown]:
        length = self.mode.step_length
        step = self.mode.sampling.model_copy(update={"max_completion_length": length})
        return await self._go_on([partial] * n, step)

    async def finish(self, partial: str) -> Grown:
        [ended] = await self._go_on([partial], self.mode.sampling)
        return ended

    async def values(self, partials: Sequence[str]) -> list[float]:
        rated = await rate(self.mode.judge, self.desk, partials, self.mode.greedy)
        return [math.exp(each) for each in rated]

    def steps(self, attempt: str) -> list[str]:
        return self.desk.steps(attempt)

    async def _go_on(self, partials: Sequence[str], sampling: Sampling) -> list[Grown]:
        said = await self.desk.attempt_from(partials, sampling)
        return [
            Grown(partial + each.text, done=not each.truncated)
            for partial, each in zip(partials, said, strict=True)
        ]
