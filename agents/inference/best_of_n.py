"""Best of n: the attempt with the highest score, or a vote in which scores weigh."""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from simctl.agents.inference.ballot import borda, elect
from simctl.agents.inference.desk import Desk
from simctl.agents.inference.judge import acceptance
from simctl.agents.inference.mode import Sampled
from simctl.agents.policy.sampler import Completion

Score = Literal["logprob", "mean_logprob", "verdict", "value"]


class BestOfN(Sampled):
    """Picks among n attempts (logprob: Sharpening, 2412.01951; verdict: V-STaR's and Critic-CoT's).

    Self-certainty (Kang et al., 2502.18581) is `mean_logprob` with `borda`. It scores by the mean
    KL(U || p) over positions, which needs whole distributions; of those a sampler keeps only the
    log-probability of what was drawn, so their mean stands in for it.
    """

    kind: Literal["best_of_n"] = "best_of_n"
    n: int = Field(default=8, ge=1, description="attempts to choose from")
    score: Score = Field(
        default="mean_logprob",
        description="sum or mean of the attempt's log-probs; the critic's probability of accepting "
        "it; or its value",
    )
    borda: float | None = Field(
        default=None, gt=0, description="vote with weights (n - rank + 1) ** borda; none: the best"
    )

    async def solve(self, desk: Desk) -> str:
        """Return the best attempt; of equals the first."""
        said = await desk.attempt(self.n, self.sampling)
        scores = await self._scores(desk, said)
        texts = [each.text for each in said]
        if self.borda is not None:
            return elect(texts, desk.answer_of, borda(scores, self.borda))
        return texts[scores.index(max(scores))]

    async def _scores(self, desk: Desk, said: Sequence[Completion]) -> list[float]:
        texts = [each.text for each in said]
        match self.score:
            case "logprob":
                return [sum(each.logprobs) for each in said]
            case "mean_logprob":
                return [sum(each.logprobs) / len(each.logprobs) for each in said]
            case "verdict":
                return [acceptance(each) for each in await desk.critique(texts, self.greedy)]
            case "value":
                return await desk.values(texts)
