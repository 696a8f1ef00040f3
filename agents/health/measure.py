"""Measure: a round's events as numbers. Pure: the same events and archive give the same numbers.

Names are those of TRL with a segment for the role. What an episode said that a role then failed in
is left out, and counts as an error: it depends on when the failure came.
"""

from collections.abc import Iterable
from statistics import fmean

from simctl.agents.health import answers, tasks
from simctl.agents.health.archive import Archive
from simctl.bus.asks import ROLES
from simctl.bus.event import Event
from simctl.bus.messages import EpisodeEnded, PolicyEvaluated, PolicyUpdated
from simctl.bus.order import as_asked

_DIGITS = 6
_ENTROPY = "entropy/"
# beside what roles say; a message is read only when it is asked for, and most of a round's are not
_READ = frozenset(
    {"task_checked", "answer_graded", "episode_ended", "policy_evaluated", "policy_updated"}
)


def measure(events: Iterable[Event], archive: Archive, near: float) -> dict[str, float]:
    """Return the numbers of a round, by name; `archive` holds the tasks of the rounds before."""
    kept = (event for event in events if event.kind in _READ or event.sender in ROLES)
    told = sorted(kept, key=as_asked)
    ends = {e.episode: e.message.outcome for e in told if isinstance(e.message, EpisodeEnded)}
    whole = [e for e in told if ends.get(e.episode, "failed") != "failed"]
    made, graded = tasks.made(whole), answers.graded(whole)
    failed = [outcome == "failed" for outcome in ends.values()]
    troubles = failed + answers.errors(graded)
    metrics = {
        **_evaluated(told),
        **_learnt(told),
        **tasks.difficulty(whole),
        **tasks.describe(made),
        **tasks.repeated(made, archive, near),
        **answers.spoken(whole),
        **answers.rewarded(graded),
        **answers.solved(graded),
        **answers.labelled(graded),
    }
    if troubles:
        metrics |= {"errors": fmean(troubles), "episodes/failed": fmean(failed)}
    return {name: round(value, _DIGITS) for name, value in sorted(metrics.items())}


def _evaluated(events: Iterable[Event]) -> dict[str, float]:
    """Return the held-out scores, by suite and name."""
    return {
        f"eval/{event.message.suite}/{name}": score
        for event in events
        if isinstance(event.message, PolicyEvaluated)
        for name, score in event.message.scores.items()
    }


def _learnt(events: Iterable[Event]) -> dict[str, float]:
    """Return the entropies that the trainer met, by role."""
    return {
        name: value
        for event in events
        if isinstance(event.message, PolicyUpdated)
        for name, value in event.message.metrics.items()
        if name.startswith(_ENTROPY)
    }
