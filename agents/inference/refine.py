"""Refine: solve, check, revise with the critique in view, until a gate says stop."""

from typing import Literal

from pydantic import Field

from simctl.agents.critic import FAULT, accepted
from simctl.agents.forms.form import Question
from simctl.agents.inference.desk import Desk
from simctl.agents.inference.mode import Sampled

Gate = Literal["critic", "verifier", "none", "agreement"]


class Refine(Sampled):
    """Self-Refine (2303.17651) and Critic-CoT (2408.16326), gated; `agreement` is IoRT's (S101).

    What a gate accepts is what is handed in: the published code of Self-Refine returns the fix
    that comes with the acceptance. A revision is written with attempt and critique in view; with
    `restart` the solver goes on from the steps that the critic accepted, as in Critic-CoT.
    """

    kind: Literal["refine"] = "refine"
    temperature: float = Field(default=0.0, ge=0, description="of the first attempt; 0 is greedy")
    gate: Gate = Field(
        default="critic",
        description="who ends it: the critic that finds no fault, the verifier (an oracle: an "
        "upper bound), nobody before the last turn, or two answers in a row that agree",
    )
    max_turns: int = Field(default=3, ge=1, description="attempts, the first included")
    restart: bool = Field(default=False, description="go on from the accepted steps instead")
    revision_temperature: float = Field(
        default=0.0, ge=0, description="of revisions; a restart at 0 may repeat its fault"
    )

    async def solve(self, desk: Desk) -> str:
        """Return the attempt that was accepted, or the last."""
        [said] = await desk.attempt(1, self.sampling)
        attempt = said.text
        for _ in range(1, self.max_turns):
            if self.gate == "verifier" and desk.right(attempt):
                return attempt
            [checked] = await desk.critique([attempt], self.greedy)
            if self.gate == "critic" and FAULT not in checked.text:
                return attempt
            revised = await self._revise(desk, attempt, checked.text)
            if self.gate == "agreement" and desk.answer_of(revised) == desk.answer_of(attempt):
                return attempt
            attempt = revised
        return attempt

    async def _revise(self, desk: Desk, attempt: str, critique: str) -> str:
        heat = {"temperature": self.revision_temperature}
        sampling = self.sampling.model_copy(update=heat)
        if not self.restart:
            view = Question("revise", desk.problem, attempt=attempt, seen=critique)
            [said] = await desk.say([view], sampling)
            return said.text
        kept = "".join(desk.steps(attempt)[: accepted(critique)])
        [said] = await desk.attempt_from([kept], sampling)
        return kept + said.text
