"""Beam: partial solutions grow step by step, and the best, or luckiest, stay."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from pydantic import Field

from simctl.agents.inference.ballot import elect
from simctl.agents.inference.desk import Desk
from simctl.agents.inference.judge import Judge, rate
from simctl.agents.inference.mode import Sampled
from simctl.bus.dice import dice


@dataclass(frozen=True, slots=True)
class Path:
    """A partial solution with its score, a log; `done` when the solver ended it."""

    text: str
    score: float = 0.0
    done: bool = False


class Beam(Sampled):
    """Self-evaluation guided beam (Xie et al., 2305.00633), or with `value` that of ReST-MCTS*.

    A path scores E = prod P(step)^w C(step)^(1-w): its likelihood and the critic's rating. Paths
    stay with probability ~ exp(E / stochastic), without replacement; at 0 the best stay.
    """

    kind: Literal["beam"] = "beam"
    width: int = Field(default=4, ge=1, description="paths that stay")
    branch: int = Field(default=2, ge=1, description="steps sampled from each path")
    likelihood: float = Field(
        default=0.5, ge=0, le=1, description="w: 1 is likelihood alone, 0 the critic's rating alone"
    )
    judge: Judge = Field(default="value", description="how the critic rates: its value, or a check")
    stochastic: float = Field(
        default=0.0, ge=0, description="temperature of the choice of paths; 0 keeps the best"
    )
    decay: float = Field(
        default=0.5, gt=0, le=1, description="factor on that temperature after each step"
    )
    step_length: int = Field(default=3, ge=1, description="longest step, in tokens")

    async def solve(self, desk: Desk) -> str:
        """Return the winner of a vote among the paths that are left."""
        rng, heat = dice(desk.seed, "beam"), self.stochastic
        paths = [Path("")]
        for _ in range(math.ceil(self.max_completion_length / self.step_length)):
            if all(path.done for path in paths):
                break
            paths = keep(await self._grow(desk, paths), self.width, heat, rng)
            heat *= self.decay
        return elect([path.text for path in paths], desk.answer_of)

    async def _grow(self, desk: Desk, paths: Sequence[Path]) -> list[Path]:
        """Return finished paths as they are, and the distinct next steps of the others."""
        going = [path for path in paths if not path.done for _ in range(self.branch)]
        step = self.sampling.model_copy(update={"max_completion_length": self.step_length})
        said = await desk.attempt_from([path.text for path in going], step)
        grown: dict[str, Path] = {}
        for path, each in zip(going, said, strict=True):
            score = path.score + self.likelihood * sum(each.logprobs)
            new = Path(path.text + each.text, score, done=not each.truncated)
            grown.setdefault(new.text + "\n" * new.done, new)
        fresh = list(grown.values())
        if self.likelihood < 1:
            rated = await rate(self.judge, desk, [each.text for each in fresh], self.greedy)
            fresh = [
                Path(each.text, each.score + (1 - self.likelihood) * rating, each.done)
                for each, rating in zip(fresh, rated, strict=True)
            ]
        return [path for path in paths if path.done] + fresh


def keep(paths: Sequence[Path], width: int, heat: float, rng: Random) -> list[Path]:
    """Return `width` paths in falling order of score, or drawn by exp(E / heat) if there is heat.

    E is the exponential of a path's score. Equal scores stand in their order.
    """
    left = sorted(paths, key=lambda path: -path.score)
    if heat == 0:
        return left[:width]
    kept: list[Path] = []
    while left and len(kept) < width:
        # relative to the best, or small heats would overflow
        best = math.exp(left[0].score)
        weights = [math.exp((math.exp(path.score) - best) / heat) for path in left]
        [at] = rng.choices(range(len(left)), weights)
        kept.append(left.pop(at))
    return kept
