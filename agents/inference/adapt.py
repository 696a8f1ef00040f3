"""Adapt: where the policy is unsure, a copy learns from similar problems before it answers."""

import math
from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from simctl.agents.forms.form import Question
from simctl.agents.inference.desk import Desk
from simctl.agents.inference.mode import Sampled
from simctl.agents.policy.sampler import Study


class Adapt(Sampled):
    """Test-time self-improvement, TT-SI (2510.07841): ask only the unsure, and reset after each.

    Its actions can be enumerated; here the distinct answers among a few attempts stand for them,
    each scored by its likeliest derivation. The examiner extends the problem to similar ones, and
    the solver's own greedy answers to these are learnt, right or wrong: no label of the problem is
    used.
    """

    kind: Literal["adapt"] = "adapt"
    candidates: int = Field(default=4, ge=1, description="attempts that show how sure it is")
    threshold: float = Field(
        default=0.95, ge=0, le=1, description="adapt where the margin p1 - p2 is below it (tau)"
    )
    similar: int = Field(default=1, ge=1, description="similar problems to learn from (K)")
    steps: int = Field(default=4, ge=1, description="steps on them")
    learning_rate: float = Field(default=1e-4, ge=0, description="step size of AdamW")

    async def solve(self, desk: Desk) -> str:
        """Return the likeliest candidate, or what the copy answers."""
        said = await desk.attempt(self.candidates, self.sampling)
        likeliest = max(said, key=lambda each: sum(each.logprobs))
        scores: dict[str, float] = {}
        for each in said:
            answer = desk.answer_of(each.text)
            scores[answer] = max(scores.get(answer, -math.inf), sum(each.logprobs))
        if margin(scores) >= self.threshold:
            return likeliest.text
        return await self._learnt(desk)

    async def _learnt(self, desk: Desk) -> str:
        similar = [Question("extend", desk.problem)] * self.similar
        posed = await desk.say(similar, self.sampling, "examiner")
        asked = [Question("solve", desk.problem + each.text) for each in posed]
        shown = await desk.say(asked, self.greedy)
        return await desk.study(
            Study(
                examples=tuple(
                    (desk.form.put(q), each.text) for q, each in zip(asked, shown, strict=True)
                ),
                exam=(desk.form.put(Question("solve", desk.problem)),),
                steps=self.steps,
                learning_rate=self.learning_rate,
                key=desk.seed,
                max_completion_length=self.max_completion_length,
            )
        )


def margin(scores: Mapping[str, float]) -> float:
    """Return p1 - p2, the two highest shares of a softmax over log-probabilities (nats).

    A lone candidate has no rival: its margin is 1. (Scores are log P; with -log P, as one account
    of the paper has it, the unlikeliest would lead.)
    """
    highest = max(scores.values())
    odds = sorted((math.exp(each - highest) for each in scores.values()), reverse=True)
    return (odds[0] - (odds[1] if len(odds) > 1 else 0.0)) / sum(odds)
