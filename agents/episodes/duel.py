"""Duel: the examiner plants a wrong step, the critic has to find it, and one of them wins.

SPC (Chen et al. 2025, 2504.19162): the sneaky generator earns +1 when the critic is fooled and -1
when it is caught, the critic the opposite. As often the critic sees the right step, so that crying
wolf does not pay. A planted step that is right after all is excluded; in a game it is an invalid
move, and loses (SPIRAL, 2506.24119).
"""

from random import Random
from typing import Literal

from pydantic import Field

from simctl.agents.curriculum import Start
from simctl.agents.episode import Episode
from simctl.agents.rewards import VERDICT_REWARDS, GameReward
from simctl.agents.scene import Scene
from simctl.agents.stage import Stage
from simctl.agents.tasks.environment import Environment, steps_of
from simctl.agents.turns.criticise import ask_critics, judged, pay_critics
from simctl.agents.turns.plant import pay_planters, plant
from simctl.bus.messages import EpisodeEnded


class Duel(Episode):
    """The examiner plants errors that the critic has to find."""

    kind: Literal["duel"] = "duel"
    examiner_reward: GameReward = Field(
        default="spc", description="what an error is worth; outcome: one that is none loses"
    )

    async def play(self, stage: Stage, env: Environment, start: Start) -> EpisodeEnded:
        """Plant errors, show them to the critic among right solutions, and pay both."""
        scene = await self.drawn(stage, env, start)
        planted = await plant(scene, self.beginnings(scene, stage.dice("beginnings")))
        wrong = [each for each in planted if not each.solved]
        honest = [scene.marked(scene.task.task, scene.task.reference)] * len(wrong)
        checks = [check for [check] in await ask_critics(scene, wrong + honest)]
        verdicts = [VERDICT_REWARDS["spc"](judged(scene, each)) for each in checks]
        pay_critics(scene, checks, verdicts)
        fooled = {each.of.event: float(each.verdict) for each in checks if not each.of.solved}
        if self.examiner_reward == "outcome":
            fooled |= {each.event: 0.0 for each in planted if each.solved}
        pay_planters(scene, fooled, self.examiner_reward)
        return EpisodeEnded(outcome="completed")

    def beginnings(self, scene: Scene, rng: Random) -> list[str]:
        """Return right beginnings of the solution, one for each error, of any length."""
        steps = steps_of(scene.env, scene.task.reference)
        lengths = [rng.randrange(len(steps)) for _ in range(self.num_generations)]
        return ["".join(steps[:length]) for length in lengths]
