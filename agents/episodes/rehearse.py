"""Rehearse: nobody samples; demonstrations are shown. The control arm, and a warm start.

About chains they are the school's over again. About another family they are new, and make a policy
that knows nothing of it solve some of its problems.
"""

import itertools
from typing import Literal

from pydantic import Field

from simctl.agents.curriculum import Start
from simctl.agents.episode import Episode
from simctl.agents.stage import Stage
from simctl.agents.tasks.environment import Demonstrates, Environment, TaskError
from simctl.bus.asks import ROLES, Role, ShowDemonstration
from simctl.bus.messages import EpisodeEnded


class Rehearse(Episode):
    """Shows `num_generations` demonstrations of the family."""

    kind: Literal["rehearse"] = "rehearse"
    roles: tuple[Role, ...] = Field(
        default=ROLES, min_length=1, description="whose demonstrations are shown"
    )
    max_difficulty: int = Field(default=10, ge=1, description="longest problems shown")

    async def play(self, stage: Stage, env: Environment, start: Start) -> EpisodeEnded:  # noqa: ARG002 - nothing is drawn
        """Let the teacher show demonstrations; what it shows is in the log, token by token."""
        if not isinstance(env, Demonstrates):
            raise TaskError(f"{type(env).__name__} has no demonstrations to rehearse")
        rng, hardest = stage.dice("demonstrations"), self.max_difficulty
        drawn = (env.demonstration(rng, self.roles, hardest) for _ in itertools.count())
        allowed = (each for each in drawn if env.check(each.problem).gates["not_held_out"])
        shown = itertools.islice(allowed, self.num_generations)
        asks = [
            ShowDemonstration(role=each.role, prompt=each.prompt, answer=each.answer)
            for each in shown
        ]
        await stage.ask_all("teacher", asks)
        return EpisodeEnded(outcome="completed")
