"""Criticising: attempts are checked, by the critic or by a teacher who sees the reference."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from simctl.agents.rewards import Judged
from simctl.agents.scene import Marked, Scene, expect
from simctl.agents.tasks.environment import Grade
from simctl.bus.answers import CritiqueWritten
from simctl.bus.asks import WriteCritique
from simctl.bus.event import Event

Checker = Literal["critic", "teacher"]


@dataclass(frozen=True)
class Check:
    """A critique before it is paid: its event, and what it says of which attempt."""

    event: Event
    of: Marked
    text: str
    verdict: bool
    role: Checker
    unread: bool = False


async def ask_critics(
    scene: Scene, attempts: Sequence[Marked], *, role: Checker = "critic", n: int = 1
) -> list[list[Check]]:
    """Return `n` critiques of each attempt; the teacher writes them with the reference in view."""
    asks = [
        WriteCritique(
            task=scene.task.task,
            problem=scene.task.problem,
            of=each.event,
            attempt=each.attempt,
            reference=scene.task.reference if role == "teacher" else "",
            n=n,
            sampling=scene.sampling,
        )
        for each in attempts
    ]
    said = await scene.stage.ask_all(role, asks, task=scene.task.task)
    return [
        [_check(event, each, role) for event in events]
        for each, events in zip(attempts, said, strict=True)
    ]


async def criticise(scene: Scene, attempts: Sequence[Marked]) -> list[Check]:
    """Return the critic's check of each attempt, paid for what the verifier finds right in it."""
    checks = [check for [check] in await ask_critics(scene, attempts)]
    pay_critics(scene, checks, [verified(scene, check).parts["exact"] for check in checks])
    return checks


def pay_critics(scene: Scene, checks: Sequence[Check], rewards: Sequence[float]) -> None:
    """Write down what critiques earned, beside the verifier's parts."""
    scene.stage.grade(
        *(
            scene.grade(check.event, check.role, verified(scene, check), reward)
            for check, reward in zip(checks, rewards, strict=True)
        )
    )


def judged(scene: Scene, check: Check, after: Sequence[Marked] = ()) -> Judged:
    """Return what there is to know of a critique, `after` being the revisions that followed it."""
    parts = verified(scene, check).parts
    return Judged(
        verdict=check.verdict,
        truth=check.of.solved,
        exact=parts["exact"],
        told=parts["verdict"],
        mended=fmean(each.right for each in after) if after else 0.0,
    )


def verified(scene: Scene, check: Check) -> Grade:
    """Return what the verifier says of a critique; one that could not be read says nothing."""
    if check.unread:
        return Grade(parts={"exact": 0.0, "verdict": 0.0})
    return scene.env.grade_critique(scene.task.problem, check.of.attempt, check.text)


def _check(event: Event, of: Marked, role: Checker) -> Check:
    said = expect(event, CritiqueWritten)
    return Check(event, of, said.critique, said.verdict, role, said.unread != "")
