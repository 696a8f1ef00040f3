"""Planting: the examiner ends right beginnings in a way that looks right and is wrong."""

from collections.abc import Mapping, Sequence

from simctl.agents.rewards import TASK_REWARDS, GameReward, Measured
from simctl.agents.scene import Marked, Scene, expect, graded
from simctl.agents.tasks.environment import Grade
from simctl.bus.answers import ErrorPlanted
from simctl.bus.asks import PlantError


async def plant(scene: Scene, beginnings: Sequence[str]) -> list[Marked]:
    """Return a solution with an error after each of these beginnings."""
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
    return [scene.marked(event.seq, expect(event, ErrorPlanted).attempt) for [event] in said]


def pay_planters(scene: Scene, fooled: Mapping[int, float], reward: GameReward) -> None:
    """Pay the examiner for each error, by the share of critics that it got past."""
    worth = TASK_REWARDS[reward]
    scene.stage.grade(
        *(
            graded(
                scene.task.task,
                event,
                "examiner",
                Grade(parts={"fooled": share}),
                worth(Measured(fooled=share, outcome=2.0 * share - 1.0)),
            )
            for event, share in fooled.items()
        )
    )
