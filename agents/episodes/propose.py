"""Propose: the examiner poses, the guide judges, the solver attempts, and the examiner is paid.

The task-maker loop of SGS (2604.20209), R-Zero (2508.05004), Absolute Zero (2505.03335), PasoDoble
(2511.11881) and pi-Play (2604.14054): they differ in what a solve rate is worth to the examiner,
in who scores attempts, and in what the teacher sees.
"""

from typing import Literal

from pydantic import Field

from simctl.agents.curriculum import Start
from simctl.agents.practice import Practice
from simctl.agents.rewards import TASK_REWARDS, Measured, RateReward
from simctl.agents.scene import graded
from simctl.agents.stage import Stage
from simctl.agents.tasks.environment import Environment, Grade
from simctl.agents.turns.judge import judge
from simctl.agents.turns.measure import measured
from simctl.agents.turns.pose import pose
from simctl.bus.event import Event
from simctl.bus.messages import EpisodeEnded, TaskChecked


class Propose(Practice):
    """The examiner poses what the solver attempts."""

    kind: Literal["propose"] = "propose"
    examiner_reward: RateReward = Field(
        default="frontier", description="what a solve rate is worth to the examiner"
    )
    guided: bool = Field(
        default=True, description="let the guide judge problems, and scale the examiner's reward"
    )
    invalid_reward: float = Field(
        default=0.0, le=0, description="what an invalid problem earns the examiner"
    )

    async def play(self, stage: Stage, env: Environment, start: Start) -> EpisodeEnded:
        """Play one problem from the examiner to its pay; a stored problem is only solved again."""
        if start.problem:
            await self.work(await self.drawn(stage, env, start), start)
            return EpisodeEnded(outcome="completed")
        posed, checked = await pose(stage, env, start, self.sampling)
        if not checked.valid:
            self.pay(stage, posed, checked, Measured(), 0.0)
            return EpisodeEnded(outcome="invalid_task")
        scene = self.scene(stage, env, start, posed, checked)
        clean = await judge(scene) if self.guided else 1.0
        attempts = await self.work(scene, start)
        self.pay(stage, posed, checked, measured(scene, attempts, start.recent), clean)
        return EpisodeEnded(outcome="completed")

    def pay(
        self, stage: Stage, posed: Event, checked: TaskChecked, found: Measured, clean: float
    ) -> None:
        """Reward the examiner for what its problem was to the solver."""
        worth = TASK_REWARDS[self.examiner_reward](found) * clean
        parts = {
            "valid": float(checked.valid),
            "solve_rate": found.solve_rate,
            "worth": worth,
            "clean": clean,
        }
        reward = worth if checked.valid else self.invalid_reward
        stage.grade(graded(posed.seq, posed.seq, "examiner", Grade(parts=parts), reward))
