"""Revising: the solver attempts a task again, with its own attempt and what was said of it."""

from collections.abc import Sequence

from simctl.agents.rewards import REVISION_REWARDS, Revised, RevisionReward
from simctl.agents.scene import Marked, Scene, Score, Tried
from simctl.agents.turns.attempt import look
from simctl.bus.asks import ReviseAttempt


async def revise(  # noqa: PLR0913 - all that a revision is asked and paid with
    scene: Scene,
    attempts: Sequence[Marked],
    critiques: Sequence[str],
    *,
    n: int = 1,
    turn: int = 2,
    reward: RevisionReward = "correct",
) -> list[list[Marked]]:
    """Return `n` revisions of each attempt, paid for what they are and what they mend."""
    asks = [
        ReviseAttempt(
            task=scene.task.task,
            problem=scene.task.problem,
            of=each.event,
            attempt=each.attempt,
            critique=critique,
            turn=turn,
            n=n,
            sampling=scene.solver_sampling,
        )
        for each, critique in zip(attempts, critiques, strict=True)
    ]
    said = await scene.stage.ask_all("solver", asks, task=scene.task.task)
    revised = []
    for each, events in zip(attempts, said, strict=True):
        tried = look(scene, events)
        revised.append(await scene.pay(tried, [_scored(each, t, reward) for t in tried]))
    return revised


def _scored(before: Marked, after: Tried, reward: RevisionReward) -> Score:
    both = Revised(first=float(before.correct), second=after.truth.parts["correct"])
    return Score(REVISION_REWARDS[reward](both), {"gain": both.second - both.first})
