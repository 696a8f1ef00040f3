"""Remarking: what is said of attempts before they are revised, by a role or without asking one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from simctl.agents.rewards import VERDICT_REWARDS, VerdictReward
from simctl.agents.scene import Marked, Scene
from simctl.agents.turns.criticise import Check, ask_critics, judged, pay_critics
from simctl.agents.turns.view import RIGHT, WRONG

Remarker = Literal["critic", "teacher", "verdict", "fellow", "none"]


@dataclass(frozen=True)
class Remark:
    """What is said of an attempt; `check` is there where a role said it."""

    of: Marked
    text: str
    check: Check | None = None

    @property
    def flags(self) -> bool:
        """Whether a role finds a fault in the attempt."""
        return self.check is not None and not self.check.verdict


async def remark(
    scene: Scene, attempts: Sequence[Marked], by: Remarker, fellows: Sequence[Marked]
) -> list[Remark]:
    """Return a remark on each attempt; a fellow is another among `fellows`."""
    if by == "critic" or by == "teacher":  # noqa: PLR1714 - so that its type is narrowed
        checks = [check for [check] in await ask_critics(scene, attempts, role=by)]
        return [Remark(each.of, each.text, each) for each in checks]
    return [Remark(each, _unasked(each, by, fellows)) for each in attempts]


def pay_remarks(
    scene: Scene,
    remarks: Sequence[Remark],
    revised: Sequence[Sequence[Marked]],
    reward: VerdictReward,
) -> None:
    """Pay the roles that remarked, for being right or for the revisions that came of it."""
    pairs = zip(remarks, revised, strict=True)
    asked = [(each.check, after) for each, after in pairs if each.check is not None]
    worth = VERDICT_REWARDS[reward]
    rewards = [worth(judged(scene, check, after)) for check, after in asked]
    pay_critics(scene, [check for check, _ in asked], rewards)


def _unasked(attempt: Marked, by: Remarker, fellows: Sequence[Marked]) -> str:
    match by:
        case "verdict":
            return RIGHT if attempt.solved else WRONG
        case "fellow":
            others = (each.attempt for each in fellows if each.attempt != attempt.attempt)
            return next(others, "")
        case _:
            return ""
