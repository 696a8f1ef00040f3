"""Progress: what a run has shown so far, folded from its events. Told the time, never asking it."""

from collections import deque
from dataclasses import dataclass, field

from simctl.bus.answers import RoleFailed
from simctl.bus.asks import ROLES
from simctl.bus.event import Event
from simctl.bus.messages import (
    AlarmRaised,
    AnswerGraded,
    BatchBuilt,
    EpisodeEnded,
    PlayEnded,
    PolicyEvaluated,
    PolicySynced,
    RoundEnded,
    RoundStarted,
    RunEnded,
    RunForked,
    RunResumed,
    RunStarted,
)
from simctl.bus.workers import OF_WORKERS
from simctl.cli.crew import Crew
from simctl.cli.exchange import Exchanges

_WINDOW = 15.0  # seconds over which rates are taken
_PACE = 8  # rounds over which the time left is reckoned
# the messages that are looked into: reading all of a finished log would take far longer
_PAUSES = frozenset({"run_resumed", "run_forked"})
_TURNS = _PAUSES | {
    "run_started",
    "run_ended",
    "round_started",
    "round_ended",
    "episode_ended",
    "play_ended",
}
_SCORES = frozenset(
    {"answer_graded", "batch_built", "policy_evaluated", "policy_synced", "role_failed"}
)


@dataclass(frozen=True)
class Point:
    """The scores of a policy version on a suite, and what had been spent by then."""

    version: int
    tokens: int
    seconds: float
    scores: dict[str, float]


@dataclass
class Tally:
    """What a role has said and earned. `rewards` holds (sum, number) of each round."""

    messages: int = 0
    tokens: int = 0
    rewards: dict[int, tuple[float, int]] = field(default_factory=dict)

    def means(self) -> list[float]:
        """Return the mean reward of each round in which there was any."""
        return [total / number for total, number in self.rewards.values()]

    def earn(self, round_: int, reward: float) -> None:
        """Take in a reward."""
        total, number = self.rewards.get(round_, (0.0, 0))
        self.rewards[round_] = (total + reward, number + 1)


class Progress:
    """The course of a run. `phase` says in a word or two what is going on."""

    def __init__(self) -> None:
        """Begin with nothing heard."""
        self.events = self.tokens = self.teacher_tokens = self.round = self.version = 0
        self._spent: dict[int, tuple[int, float]] = {}  # tokens and seconds behind each version
        self.episodes = self.episodes_done = 0
        self.seconds = 0.0  # that the run was being played
        self.phase = "starting"
        self.ended: RunEnded | None = None
        self.roles: dict[str, Tally] = {role: Tally() for role in ROLES}
        self.curves: dict[str, list[Point]] = {}
        self.troubles: list[str] = []
        self.alarms: dict[str, AlarmRaised] = {}  # that are on, by name
        self.exchanges = Exchanges()
        self.crew = Crew()
        self.waiting = ""  # for what, while nothing can be logged
        self._last_time: float | None = None
        self._starts: deque[float] = deque(maxlen=_PACE + 1)
        self._recent: deque[tuple[float, int, int]] = deque([(0.0, 0, 0)])

    def pause(self) -> None:
        """Hear that time passes outside the run until the next event."""
        self._last_time = None
        self._starts.clear()
        self._recent = deque([(self.seconds, self.events, self.tokens)])

    def tell_time(self, now: float) -> None:
        """Hear what time it is, in seconds from anywhere."""
        if self._last_time is not None:
            self.seconds += max(0.0, now - self._last_time)
        self._last_time = now

    def hear(self, event: Event, now: float) -> None:
        """Take in an event, in the order of the log."""
        if event.kind in _PAUSES:
            self.pause()
        self.tell_time(now)
        self.waiting = ""
        self.events += 1
        said = event.utterance
        if said is not None and event.policy_version is not None:
            self.tokens += len(said.tokens)
        if event.sender in self.roles:
            tally = self.roles[event.sender]
            tally.messages += 1
            tally.tokens += len(said.tokens) if said else 0
        self._tell(event)
        self.exchanges.hear(event, self.seconds)
        self._recent.append((self.seconds, self.events, self.tokens))
        while self._recent[0][0] < self.seconds - _WINDOW:
            self._recent.popleft()

    def rates(self) -> tuple[float, float]:
        """Return events and tokens per second of late."""
        since, events, tokens = self._recent[0]
        passed = max(self.seconds - since, 1.0)
        return (self.events - events) / passed, (self.tokens - tokens) / passed

    def share_done(self, rounds: int, max_tokens: int | None) -> float:
        """Return how much of the run is over, from 0 to 1."""
        within = self.episodes_done / self.episodes if self.episodes else 0.0
        done = (max(self.round - 1, 0) + within) / rounds if rounds else 1.0
        if max_tokens is not None:
            done = max(done, self._budgeted / max_tokens)
        return 1.0 if self.ended and self.ended.reason == "finished" else min(done, 1.0)

    def seconds_left(self, rounds: int, max_tokens: int | None) -> float | None:
        """Return the time that the rest will take at the pace of the last rounds."""
        if len(self._starts) < 2:  # noqa: PLR2004 - a pace needs two points
            return None
        pace = (self._starts[-1] - self._starts[0]) / (len(self._starts) - 1)
        left = pace * (rounds - self.round + 1) - (self.seconds - self._starts[-1])
        if max_tokens is not None and self.tokens:
            left = min(left, self.seconds * (max_tokens - self._budgeted) / self._budgeted)
        return max(left, 0.0)

    @property
    def _budgeted(self) -> int:
        return self.tokens + self.teacher_tokens

    def _tell(self, event: Event) -> None:
        """Look into the messages that say how the run goes."""
        if event.kind in _TURNS:
            self._turn(event)
        elif event.kind in _SCORES:
            self._weigh(event)
        elif event.kind == "alarm_raised" and isinstance(event.message, AlarmRaised):
            self._ring(event.message)
        elif event.kind in OF_WORKERS:
            self.crew.hear(event)
        if event.producer in self.crew.members:
            self.crew.answered(event)

    def _turn(self, event: Event) -> None:
        match event.message:
            case RunStarted():
                self.phase = "measuring the first policy"
            case RunResumed() | RunForked():
                self.phase, self.ended = "going on", None
            case RoundStarted(episodes=episodes):
                self.round, self.episodes, self.episodes_done = event.round, episodes, 0
                self.phase = "playing"
                self._starts.append(self.seconds)
            case EpisodeEnded():
                self.episodes_done += 1
            case RoundEnded():
                self.phase = "learning"
            case PlayEnded():
                self.phase = "learning from the last rounds"
            case RunEnded() as ended:
                self.ended, self.phase = ended, ended.reason
            case _:
                pass

    def _ring(self, alarm: AlarmRaised) -> None:
        if alarm.over:
            self.alarms.pop(alarm.name, None)
        else:
            self.alarms[alarm.name] = alarm

    def _weigh(self, event: Event) -> None:
        match event.message:
            case AnswerGraded(role=role, reward=reward):
                self.roles[role].earn(event.round, reward)
            case BatchBuilt(teacher_tokens=tokens):
                self.teacher_tokens += tokens
            case PolicyEvaluated(suite=suite, scores=scores, version=version):
                # it is measured while the next round learns: what that round cost is not its own
                point = Point(version, *self._spent.get(version, (0, self.seconds)), scores)
                self.curves.setdefault(suite, []).append(point)
            case PolicySynced(ok=True, version=version, how=how):
                self.version = version
                self._spent[version] = (self.tokens, self.seconds)
                if "(" in how:  # not the first way
                    self.troubles.append(f"policy v{version} serves by {how}")
            case PolicySynced(version=version, reason=reason):
                self.troubles.append(f"policy v{version} refused: {reason}")
            case RoleFailed(role=role, error=error):
                self.troubles.append(f"{role} failed: {' '.join(error.split())}")
            case _:
                pass
