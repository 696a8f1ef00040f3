"""Teach: sets of worked problems, each worth what a copy of the solver learns from it.

The exchange of SOAR (2601.18778), of SEAL (2506.10943) with `paid` best, and, where all sets are of
the same problems, of Learning by Teaching (2406.14629).
"""

from typing import Literal

from pydantic import Field

from simctl.agents.curriculum import Start
from simctl.agents.episode import Episode
from simctl.agents.rewards import SET_REWARDS, SetReward
from simctl.agents.stage import Stage
from simctl.agents.tasks.environment import Environment
from simctl.agents.turns.examine import (
    Exam,
    Examples,
    draw_sets,
    examine,
    pay_sets,
    pose_sets,
    work_out,
)
from simctl.bus.asks import PoseTask
from simctl.bus.messages import EpisodeEnded


class Teach(Episode):
    """Sets of problems are posed, the solver works them out, and copies that learn sit one exam.

    Answers are not verified, as in SOAR; a problem that does not pass the gates is in no set. The
    exam is drawn once an episode, at the curriculum's difficulty, and holds no held-out problem.
    All that made a set earns the same: with `gain`, RLOO over sets is that over their problems but
    for a factor. A recipe's `promotion` makes a taught copy the solver's, as in SOAR.
    """

    kind: Literal["teach"] = "teach"
    posed_by: Literal["examiner", "environment"] = Field(
        default="examiner",
        description="who poses: the examiner for each set, or the environment the same for all",
    )
    sets: int = Field(default=4, ge=1, description="sets in an episode (g)")
    set_size: int = Field(default=8, ge=1, description="problems posed for a set (n)")
    worked_by: Literal["solver", "reference"] = Field(
        default="solver", description="who answers them: the solver, unverified, or the task"
    )
    exam: int = Field(default=32, ge=1, description="problems of the exam")
    steps: int = Field(default=10, ge=1, description="steps that a copy takes")
    learning_rate: float = Field(default=3e-4, gt=0, description="their size, of AdamW")
    paid: SetReward = Field(
        default="gain",
        description="what a set earns: its gain, that less the others' mean, or 1 for the best set "
        "if it gains",
    )

    async def play(self, stage: Stage, env: Environment, start: Start) -> EpisodeEnded:
        """Make every set, let a copy of the solver learn from each, and pay their makers."""
        rng = stage.dice("exam")
        problems = tuple(env.draw(start.difficulty, rng) for _ in range(self.exam))
        sets = await self.posed(stage, env, start)
        for each in sets:
            if self.worked_by == "solver":
                await work_out(stage, each, self.sampling)
            else:
                each.pairs += [(task.problem, task.reference) for task in each.tasks]
        exam = Exam(problems, self.steps, self.learning_rate, self.sampling)
        gains = await examine(stage, sets, exam)
        pay_sets(stage, sets, gains, SET_REWARDS[self.paid](gains))
        return EpisodeEnded(outcome="completed")

    async def posed(self, stage: Stage, env: Environment, start: Start) -> list[Examples]:
        """Return the sets with their problems."""
        if self.posed_by == "environment":
            return await draw_sets(stage, env, start, self.sets, self.set_size)
        ask = PoseTask(parent=start.parent, parent_task=start.parent_task, sampling=self.sampling)
        return await pose_sets(stage, env, ask, self.sets, self.set_size)
