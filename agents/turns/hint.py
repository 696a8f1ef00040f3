"""Hinting: the guide adds a step to right ones, or a part of a solution is shown to the solver."""

from collections.abc import Sequence
from dataclasses import dataclass

from simctl.agents.scene import Marked, Scene, expect
from simctl.bus.answers import HintGiven
from simctl.bus.asks import GiveHint
from simctl.bus.event import Event


@dataclass(frozen=True)
class Hint:
    """A hint before it is paid: its event, what it follows, and what it says."""

    event: Event
    partial: str
    text: str

    @property
    def prefix(self) -> str:
        """What the solver goes on from."""
        return self.partial + self.text


def pay_hint(scene: Scene, hint: Hint, gain: float | None = None) -> None:
    """Pay the guide for what the verifier says of a hint, or for the `gain` that it brought."""
    grade = scene.env.grade_hint(scene.task.problem, hint.partial, hint.text)
    reward = grade.parts["right"] if gain is None else gain
    scene.stage.grade(scene.grade(hint.event, "guide", grade, reward))


async def next_step(scene: Scene, attempts: Sequence[Marked]) -> Hint | None:
    """Return the guide's step after the right ones of the best attempt that is not solved.

    None where there is no step to follow, for then the embedded guide's question is whether to
    solve at all, and none where all steps are there.
    """
    unsolved = [each for each in attempts if not each.solved]
    if not unsolved:
        return None
    best = max(unsolved, key=lambda each: each.progress)
    problem = scene.task.problem
    partial = scene.env.right_prefix(problem, best.attempt)
    if not partial or scene.env.grade_attempt(problem, partial).parts["correct"] == 1.0:
        return None
    ask = GiveHint(
        task=scene.task.task,
        problem=scene.task.problem,
        partial=partial,
        sampling=scene.sampling,
    )
    [event] = await scene.stage.ask("guide", ask, task=scene.task.task)
    return Hint(event, partial, expect(event, HintGiven).hint)
