"""Hinting: the guide adds a step to right ones, or a part of a solution is shown to the solver."""

from collections.abc import Sequence

from simctl.agents.scene import Marked, Scene, expect
from simctl.bus.answers import HintGiven
from simctl.bus.asks import GiveHint


async def hint(scene: Scene, partial: str) -> str:
    """Return the guide's next step after `partial`, graded by the verifier."""
    ask = GiveHint(
        task=scene.task.task,
        problem=scene.task.problem,
        partial=partial,
        sampling=scene.sampling,
    )
    [event] = await scene.stage.ask("guide", ask, task=scene.task.task)
    text = expect(event, HintGiven).hint
    grade = scene.env.grade_hint(scene.task.problem, partial, text)
    await scene.stage.grade(scene.grade(event, "guide", grade, grade.parts["right"]))
    return text


async def next_step(scene: Scene, attempts: Sequence[Marked]) -> str:
    """Return the right steps of the best attempt with the guide's next one; nothing without any.

    Without a step to follow, the embedded guide's question is whether to solve at all.
    """
    best = max(attempts, key=lambda each: each.progress)
    known = scene.env.right_prefix(scene.task.problem, best.attempt)
    return known + await hint(scene, known) if known else ""
