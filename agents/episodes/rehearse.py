"""Rehearse: nobody samples; the school's demonstrations are shown again. The control arm."""

import itertools
from typing import Literal

from pydantic import Field

from simctl.agents.curriculum import Start
from simctl.agents.episode import Episode
from simctl.agents.stage import Stage
from simctl.agents.tasks.classroom import lesson
from simctl.agents.tasks.environment import Environment
from simctl.agents.tasks.terms import Term
from simctl.bus.asks import ROLES, Role, ShowDemonstration
from simctl.bus.messages import EpisodeEnded


class Rehearse(Episode):
    """Shows `num_generations` demonstrations of the school."""

    kind: Literal["rehearse"] = "rehearse"
    roles: tuple[Role, ...] = Field(
        default=ROLES, min_length=1, description="whose demonstrations are shown"
    )
    max_difficulty: int = Field(default=10, ge=1, description="longest problems shown")

    async def play(self, stage: Stage, env: Environment, start: Start) -> EpisodeEnded:  # noqa: ARG002 - nothing is drawn
        """Let the teacher show demonstrations; what it shows is in the log, token by token."""
        rng, term = stage.dice("demonstrations"), Term(longest=self.max_difficulty)
        drawn = (lesson(rng, term, self.roles) for _ in itertools.count())
        allowed = (each for each in drawn if env.check(each.problem).gates["not_held_out"])
        shown = itertools.islice(allowed, self.num_generations)
        asks = [
            ShowDemonstration(role=each.role, prompt=each.prompt, answer=each.answer)
            for each in shown
        ]
        await stage.ask_all("teacher", asks)
        return EpisodeEnded(outcome="completed")
