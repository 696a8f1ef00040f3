"""Duel: the examiner plants a wrong step, the critic has to find it, and one of them wins.

SPC (Chen et al. 2025, 2504.19162): the sneaky generator earns +1 when the critic is fooled and -1
when it is caught, the critic the opposite. As often the critic sees the right step, so that crying
wolf does not pay. A planted step that is right after all is excluded.
"""

from collections.abc import Sequence
from random import Random
from typing import Literal

from simctl.agents.curriculum import Start
from simctl.agents.episode import Episode
from simctl.agents.rewards import TASK_REWARDS, VERDICT_REWARDS, Judged, Measured
from simctl.agents.scene import Marked, Scene, expect, graded
from simctl.agents.stage import Stage
from simctl.agents.tasks.environment import Environment, Grade, steps_of
from simctl.agents.turns.criticise import Check, ask_critics, pay_critics
from simctl.bus.answers import ErrorPlanted
from simctl.bus.asks import PlantError
from simctl.bus.messages import EpisodeEnded


class Duel(Episode):
    """The examiner plants errors that the critic has to find."""

    kind: Literal["duel"] = "duel"

    async def play(self, stage: Stage, env: Environment, start: Start) -> EpisodeEnded:
        """Plant errors, show them to the critic among right solutions, and pay both."""
        scene = await self.drawn(stage, env, start)
        beginnings = self.beginnings(scene, stage.dice("beginnings"))
        planted = await self.plant(scene, beginnings)
        wrong = [each for each in planted if not each.solved]
        honest = [_marked(scene, scene.task.task, scene.task.reference) for _ in wrong]
        await self.settle(scene, [check for [check] in await ask_critics(scene, wrong + honest)])
        return EpisodeEnded(outcome="completed")

    def beginnings(self, scene: Scene, rng: Random) -> list[str]:
        """Return right beginnings of the solution, one for each error, of any length."""
        steps = steps_of(scene.env, scene.task.reference)
        lengths = [rng.randrange(len(steps)) for _ in range(self.num_generations)]
        return ["".join(steps[:length]) for length in lengths]

    async def plant(self, scene: Scene, beginnings: Sequence[str]) -> list[Marked]:
        """Let the examiner end each beginning in a way that looks right and is wrong."""
        asks = [
            PlantError(
                task=scene.task.task,
                problem=scene.task.problem,
                prefix=text,
                sampling=scene.sampling,
            )
            for text in beginnings
        ]
        said = await scene.stage.ask_all("examiner", asks, task=scene.task.task)
        events = [event for [event] in said]
        return [_marked(scene, each.seq, expect(each, ErrorPlanted).attempt) for each in events]

    async def settle(self, scene: Scene, checks: Sequence[Check]) -> None:
        """Pay the critic for each verdict, and the examiner for each error that it judged."""
        right = [
            VERDICT_REWARDS["spc"](Judged(verdict=each.verdict, truth=each.of.solved))
            for each in checks
        ]
        await pay_critics(scene, checks, right)
        fooled = {each.of.event: float(each.verdict) for each in checks if not each.of.solved}
        await scene.stage.grade(
            *(
                graded(
                    scene.task.task,
                    event,
                    "examiner",
                    Grade(parts={"fooled": share}),
                    TASK_REWARDS["spc"](Measured(fooled=share)),
                )
                for event, share in fooled.items()
            )
        )


def _marked(scene: Scene, event: int, text: str) -> Marked:
    grade = scene.env.grade_attempt(scene.task.problem, text)
    return Marked(event=event, attempt=text, right=grade.parts["correct"])
