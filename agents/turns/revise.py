"""Revising: the solver attempts a task again, with its own attempt and what was said of it."""

from collections.abc import Sequence
from itertools import islice

from simctl.agents.rewards import REVISION_REWARDS, Revised, RevisionReward
from simctl.agents.scene import Marked, Scene, Score
from simctl.agents.turns.attempt import look
from simctl.agents.turns.remark import Remark
from simctl.agents.turns.scorers.scorer import Scorer
from simctl.bus.asks import ReviseAttempt


async def revise(  # noqa: PLR0913 - all that a revision is asked and paid with
    scene: Scene,
    remarks: Sequence[Remark],
    scorer: Scorer,
    *,
    n: int = 1,
    turn: int = 2,
    reward: RevisionReward = "correct",
) -> list[list[Marked]]:
    """Return `n` revisions of each attempt remarked upon, paid for what they are and mend."""
    asks = [
        ReviseAttempt(
            task=scene.task.task,
            problem=scene.task.problem,
            of=each.of.event,
            attempt=each.of.attempt,
            critique=each.text,
            turn=turn,
            n=n,
            sampling=scene.solver_sampling,
        )
        for each in remarks
    ]
    said = await scene.stage.ask_all("solver", asks, task=scene.task.task)
    tried = look(scene, [event for events in said for event in events])
    before = [each.of for each in remarks for _ in range(n)]
    scores = await scorer.score(scene, tried) if tried else []
    paid = [_paid(*pair, reward) for pair in zip(before, scores, strict=True)]
    marked = iter(scene.pay(tried, paid))
    return [list(islice(marked, n)) for _ in remarks]


def _paid(before: Marked, score: Score, reward: RevisionReward) -> Score:
    both = Revised(first=before.right, second=score.right)
    parts = score.parts | {"gain": both.second - both.first}
    return Score(score.right, REVISION_REWARDS[reward](both), parts)
