"""Solve: the environment poses, the solver attempts in a group, and each attempt is scored."""

from typing import Literal

from simctl.agents.curriculum import Start
from simctl.agents.practice import Practice
from simctl.agents.stage import Stage
from simctl.agents.tasks.environment import Environment
from simctl.bus.messages import EpisodeEnded


class Solve(Practice):
    """The environment poses and the solver attempts: the exchange of STaR, GRPO and OPSD."""

    kind: Literal["solve"] = "solve"

    async def play(self, stage: Stage, env: Environment, start: Start) -> EpisodeEnded:
        """Draw a problem and let the solver work on it."""
        scene = await self.drawn(stage, env, start)
        await self.work(scene, start)
        return EpisodeEnded(outcome="completed")
