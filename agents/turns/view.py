"""Views: what a teacher sees of a task that the solver does not."""

from collections.abc import Sequence

from simctl.agents.scene import Marked, Scene
from simctl.agents.tasks.environment import steps_of
from simctl.agents.turns.criticise import criticise
from simctl.agents.turns.hint import next_step, pay_hint
from simctl.bus.asks import View

RIGHT, WRONG = ".", "!"  # a verdict as a view shows it: one bit


async def materials(
    scene: Scene, attempts: Sequence[Marked], view: View, fellows: Sequence[Marked]
) -> list[tuple[Marked, str]]:
    """Return the attempts that a view can be had of, each with the text that it shows.

    A critique is asked of the critic, a skill of the guide; a sibling is another right attempt
    among `fellows` (SDPO, 2601.20802, section 3: never the attempt itself).
    """
    if not attempts:
        return []
    match view:
        case "critique":
            return [(check.of, check.text) for check in await criticise(scene, attempts)]
        case "skill":
            skill = await next_step(scene, fellows)
            if skill is None:
                return []
            pay_hint(scene, skill)
            return [(each, skill.prefix) for each in attempts]
        case "sibling":
            pairs = ((each, _sibling(each, fellows)) for each in attempts)
            return [(each, other.attempt) for each, other in pairs if other is not None]
        case _:
            return [(each, _known(scene, each, view)) for each in attempts]


def _known(scene: Scene, attempt: Marked, view: View) -> str:
    """Return what a view shows without asking anybody."""
    match view:
        case "attempt":
            return RIGHT if attempt.solved else WRONG
        case "reference":
            return scene.task.reference
        case "path":
            return scene.task.path or scene.task.reference
        case "answer":
            return part(scene, scene.task.reference, 0.0)
        case _:
            return ""


def part(scene: Scene, solution: str, reveal: float) -> str:
    """Return the first share `reveal` of a solution's steps, and its last, which has the answer.

    ATESD, 2605.11458, section 3: the teacher sees the first floor(alpha m) of m segments, and
    always the final answer.
    """
    steps = steps_of(scene.env, solution)
    known = int(reveal * len(steps))
    return solution if known >= len(steps) else "".join([*steps[:known], *steps[-1:]])


def _sibling(attempt: Marked, fellows: Sequence[Marked]) -> Marked | None:
    others = (each for each in fellows if each.solved and each.event != attempt.event)
    return next(others, None)
