"""Rounds: what happened in each, folded from a log."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from simctl.bus.event import Event
from simctl.bus.messages import AnswerGraded, EpisodeEnded, PolicyUpdated, TaskChecked

_READ = frozenset({"answer_graded", "episode_ended", "policy_updated", "task_checked"})


@dataclass
class Round:
    """One round."""

    number: int
    version: int | None = None  # the policy that was sampled from
    outcomes: dict[str, int] = field(default_factory=dict)
    difficulties: list[int] = field(default_factory=list)
    rewards: dict[str, list[float]] = field(default_factory=dict)
    tokens: int = 0
    loss: float | None = None

    @property
    def difficulty(self) -> float | None:
        """The mean difficulty of the valid tasks."""
        return sum(self.difficulties) / len(self.difficulties) if self.difficulties else None

    def reward(self, role: str) -> float | None:
        """Return the mean reward of a role."""
        earned = self.rewards.get(role, [])
        return sum(earned) / len(earned) if earned else None

    def hear(self, event: Event) -> None:
        """Take in an event of this round."""
        if event.utterance is not None and event.policy_version is not None:
            self.tokens += len(event.utterance.tokens)
            self.version = event.policy_version
        if event.kind in _READ:
            self._note(event)

    def _note(self, event: Event) -> None:
        match event.message:
            case AnswerGraded(role=role, reward=reward):
                self.rewards.setdefault(role, []).append(reward)
            case TaskChecked(valid=True, difficulty=difficulty):
                self.difficulties.append(difficulty)
            case EpisodeEnded(outcome=outcome):
                self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
            case PolicyUpdated(metrics=metrics):
                self.loss = metrics.get("loss")
            case _:
                pass


def by_round(events: Iterable[Event]) -> list[Round]:
    """Return the rounds of a log, in order."""
    found: dict[int, Round] = {}
    for event in events:
        if event.episode or event.kind in {"round_started", "policy_updated"}:
            found.setdefault(event.round, Round(event.round)).hear(event)
    return [found[number] for number in sorted(found)]
