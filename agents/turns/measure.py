"""Measuring: what the attempts at a posed problem show of it."""

from collections import Counter
from collections.abc import Sequence
from statistics import fmean

from simctl.agents.rewards import Measured, diversity
from simctl.agents.scene import Marked, Scene
from simctl.agents.tasks.environment import answer_of
from simctl.agents.turns.scorers.vote import majority


def measured(scene: Scene, attempts: Sequence[Marked], recent: Sequence[str]) -> Measured:
    """Return what was found out about the scene's problem; `recent` were posed before it.

    An examiner says no answer beside its problem: its own is the one that the problem was built
    with, the reference's.
    """
    answers = (answer_of(scene.env, each.attempt) for each in attempts)
    winner, _ = majority(Counter(answer for answer in answers if answer))
    return Measured(
        solve_rate=fmean(each.right for each in attempts),
        attempts=len(attempts),
        matched=winner == answer_of(scene.env, scene.task.reference),
        diversity=diversity(scene.task.problem, recent),
        form=1.0,
    )
