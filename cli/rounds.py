"""Rounds: what happened in each, folded from a log."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from simctl.bus.event import Event
from simctl.bus.messages import (
    AnswerGraded,
    EpisodeEnded,
    PolicyUpdated,
    TaskChecked,
)

_OUTSIDE = frozenset({"round_started", "policy_updated"})  # of no episode
_READ = frozenset({"answer_graded", "episode_ended", "policy_updated", "task_checked"})


@dataclass
class Mean:
    """A mean that grows, and keeps none of its values."""

    total: float = 0.0
    count: int = 0

    def add(self, value: float) -> None:
        """Take in a value."""
        self.total += value
        self.count += 1

    @property
    def mean(self) -> float | None:
        """The mean of all values; none without any."""
        return self.total / self.count if self.count else None


@dataclass
class Round:
    """One round."""

    number: int
    outcomes: Counter[str] = field(default_factory=Counter[str])
    difficulty: Mean = field(default_factory=Mean)  # of the valid tasks
    rewards: defaultdict[str, Mean] = field(default_factory=lambda: defaultdict(Mean))
    tokens: int = 0
    losses: dict[str, float] = field(default_factory=dict)  # of each copy by its role; "": shared

    def reward(self, role: str) -> float | None:
        """Return the mean reward of a role."""
        return self.rewards[role].mean

    def hear(self, event: Event) -> None:
        """Take in an event of this round."""
        if event.utterance is not None and event.policy_version is not None:
            self.tokens += len(event.utterance.tokens)
        if event.kind in _READ:
            self._note(event)

    def _note(self, event: Event) -> None:
        match event.message:
            case AnswerGraded(role=role, reward=reward):
                self.rewards[role].add(reward)
            case TaskChecked(valid=True, difficulty=difficulty):
                self.difficulty.add(difficulty)
            case EpisodeEnded(outcome=outcome):
                self.outcomes[outcome] += 1
            case PolicyUpdated(metrics=metrics):
                found = (name.rpartition("/") for name in metrics)
                self.losses = {
                    role: metrics[f"{role}{slash}{last}"]
                    for role, slash, last in found
                    if last == "loss"
                }
            case _:
                pass


class Rounds:
    """The rounds of a log, in order."""

    def __init__(self) -> None:
        """Begin with none."""
        self._found: dict[int, Round] = {}

    def hear(self, event: Event) -> None:
        """Take in the next event of the log."""
        if event.episode or event.kind in _OUTSIDE:
            self._found.setdefault(event.round, Round(event.round)).hear(event)

    def __iter__(self) -> Iterator[Round]:
        """Give what happened in each."""
        return (self._found[number] for number in sorted(self._found))
