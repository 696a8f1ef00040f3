"""Single: the bare solver."""

from typing import Literal

from simctl.agents.inference.desk import Desk
from simctl.agents.inference.mode import Mode
from simctl.bus.asks import Sampling


class Single(Mode):
    """One greedy attempt. A suite in this mode is scored at temperature 1 as well."""

    kind: Literal["single"] = "single"

    async def solve(self, desk: Desk) -> str:
        """Return the one attempt."""
        [said] = await desk.attempt(1, Sampling(temperature=0))
        return said.text
