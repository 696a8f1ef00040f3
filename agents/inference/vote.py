"""Vote: the answer that most of the attempts agree on."""

from typing import Literal

from pydantic import Field

from simctl.agents.inference.ballot import elect
from simctl.agents.inference.desk import Desk
from simctl.agents.inference.mode import Sampled


class Vote(Sampled):
    """Self-consistency (2203.11171), the label of LMSI (2210.11610) and R-Zero (2508.05004)."""

    kind: Literal["vote"] = "vote"
    n: int = Field(default=8, ge=1, description="attempts that vote")

    async def solve(self, desk: Desk) -> str:
        """Return an attempt with the majority's answer; what cannot be parsed never votes."""
        said = await desk.attempt(self.n, self.sampling)
        return elect([each.text for each in said], desk.answer_of)
