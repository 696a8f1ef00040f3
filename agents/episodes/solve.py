"""Solve: the environment poses, the solver attempts in a group, the verifier grades.

With a teacher it is on-policy self-distillation: each attempt gets a lesson, the same policy's
view of the problem with the reference solution beside it.
"""

from typing import Literal

from pydantic import Field

from simctl.agents.curriculum import Start
from simctl.agents.episode import Episode
from simctl.agents.stage import Stage
from simctl.agents.tasks.environment import Environment
from simctl.bus.asks import GiveLesson, View
from simctl.bus.messages import EpisodeEnded


class Solve(Episode):
    """The exchange of STaR, RFT and GRPO; with `lesson` that of OPSD (Zhao et al., 2601.18734)."""

    kind: Literal["solve"] = "solve"
    lesson: View | None = Field(
        default=None, description="view of the silent teacher on each attempt; none gives no lesson"
    )

    async def play(self, stage: Stage, env: Environment, start: Start) -> EpisodeEnded:
        """Draw a problem, let the solver attempt it, and lay out the teacher's view."""
        task = await self.draw(stage, env, start)
        attempts = await self.attempt(stage, env, task, n=self.num_generations)
        if self.lesson is not None:
            lessons = [
                GiveLesson(
                    task=task.task,
                    problem=task.problem,
                    of=each.event,
                    view=self.lesson,
                    reference=task.reference,
                    speak=False,
                )
                for each in attempts
            ]
            await stage.ask_all("teacher", lessons, task=task.task)
        return EpisodeEnded(outcome="completed")
