"""Single: the bare solver."""

from typing import Literal

from pydantic import Field

from simctl.agents.inference.desk import Desk
from simctl.agents.inference.mode import Mode


class Single(Mode):
    """One attempt. A suite in this mode is scored greedily and at temperature 1."""

    kind: Literal["single"] = "single"
    temperature: float = Field(default=0.0, ge=0, description="of the attempt; 0 is greedy")

    async def solve(self, desk: Desk) -> str:
        """Return the one attempt."""
        [said] = await desk.attempt(1, self.sampling)
        return said.text
