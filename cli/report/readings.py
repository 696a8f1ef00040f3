"""Readings: the numbers that a log gives at each step, named as TRL names them.

A step is a policy version, which is the round that it learnt from. Names with a role, and all that
have none, are those of the log. To them come what a TRL run calls by the same words without a role,
which is the solver's here; `num_tokens` counts up as TRL's does; and times come from the events.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from simctl.bus.event import Event
from simctl.bus.messages import (
    AlarmRaised,
    CurriculumMoved,
    HealthMeasured,
    PolicyEvaluated,
    PolicySynced,
    PolicyUpdated,
    RoundEnded,
)
from simctl.cli.report.sayings import Reader, Saying, Sayings
from simctl.cli.report.spending import Spending, Spent

EVAL = "eval/"
_TOTAL = "num_tokens"
# what a run of one policy without roles calls what is the solver's
_SOLVERS = {
    "reward/solver/mean": "reward",
    "reward/solver/std": "reward_std",
    "frac_reward_zero_std/solver": "frac_reward_zero_std",
    "completions/solver/mean_length": "completions/mean_length",
    "completions/solver/clipped_ratio": "completions/clipped_ratio",
    "entropy/solver": "entropy",
}


@dataclass(frozen=True)
class Reading:
    """What event `seq` tells about `step`: numbers by name, and perhaps an alarm or answers.

    `spent` is what it took to get as far: for a held-out score, to make the policy that is scored.
    """

    step: int
    seq: int
    kind: str  # of the event
    wall_us: int
    spent: Spent
    scalars: Mapping[str, float]
    alarm: str = ""
    sayings: tuple[Saying, ...] = ()

    @property
    def row(self) -> dict[str, float]:
        """The numbers with those that they can be drawn over."""
        return {**self.scalars, **asdict(self.spent), "seq": self.seq}


class Readings:
    """Folds events into readings."""

    def __init__(self, read: Reader) -> None:
        """Read what was said with `read`."""
        self._spending = Spending()
        self._sayings = Sayings(read)
        self._made: dict[int, Spent] = {}  # what each version took
        self._totals: dict[str, float] = {}
        self._told: set[str] = set()  # names that this round's update had
        self._clock = _Clock()

    @property
    def spent(self) -> Spent:
        """What was spent up to the last event that was heard."""
        return self._spending.spent

    def hear(self, event: Event) -> Iterator[Reading]:
        """Give what an event tells, if anything; events come in the order of the log."""
        if self._spending.hear(event):
            self._clock = _Clock()
        self._sayings.hear(event)
        self._clock.hear(event, self._spending.spent)
        found = self._numbers(event)
        sayings = self._sayings.take() if event.kind == "round_ended" else ()
        if found or sayings:
            yield self._reading(event, found, sayings)

    def _reading(
        self, event: Event, numbers: dict[str, float], sayings: tuple[Saying, ...]
    ) -> Reading:
        step, spent, alarm = event.round, self._spending.spent, ""
        match event.message:
            case PolicyEvaluated(version=version):
                step, spent = version, self._made.get(version, Spent(seconds=spent.seconds))
            case PolicyUpdated(version=version):
                step = version
            case AlarmRaised(name=name, text=text, over=over):
                alarm = f"{name} is over: {text}" if over else f"{name}: {text}"
            case _:
                pass
        return Reading(step, event.seq, event.kind, event.wall_us, spent, numbers, alarm, sayings)

    def _numbers(self, event: Event) -> dict[str, float]:
        numbers: dict[str, float] = {}
        match event.message if event.kind in _TELLING else None:
            case RoundEnded():
                numbers = self._clock.playing()
            case PolicyUpdated(version=version, metrics=metrics):
                self._made[version] = self._spending.spent
                self._told = set(metrics)
                numbers = self._counted(metrics) | _of_solver(metrics) | self._clock.learning()
            case PolicySynced(ok=True, delta=delta):
                probe = {} if delta is None else {"sampling/probe_difference": delta}
                numbers = probe | self._clock.syncing()
            case PolicyEvaluated(suite=suite, scores=scores):
                numbers = {f"{EVAL}{suite}/{name}": score for name, score in scores.items()}
            case HealthMeasured(metrics=metrics):
                new = {k: v for k, v in metrics.items() if k not in self._told}
                self._told = set()
                numbers = new | _of_solver(new)
            case CurriculumMoved(weights=weights, pool=pool):
                shares = {f"curriculum/{name}": share for name, share in weights.items()}
                numbers = {"curriculum/pool": pool, **shares}
            case AlarmRaised(name=name, over=over):
                numbers = {f"alarms/{name}": float(not over)}
            case _:
                pass
        return numbers

    def _counted(self, metrics: Mapping[str, float]) -> dict[str, float]:
        """Return the metrics of an update, with what TRL sums since the start summed."""
        counted = dict(metrics)
        for name, value in metrics.items():
            if name.rpartition("/")[2] == _TOTAL:
                counted[name] = self._totals[name] = self._totals.get(name, 0.0) + value
        return counted


_TELLING = frozenset(
    {
        "alarm_raised", "curriculum_moved", "health_measured", "policy_evaluated",
        "policy_synced", "policy_updated", "round_ended",
    }
)  # fmt: skip


def _of_solver(metrics: Mapping[str, float]) -> dict[str, float]:
    return {short: metrics[name] for name, short in _SOLVERS.items() if name in metrics}


class _Clock:
    """Times the phases of a round. After a gap it knows nothing until the next round begins."""

    def __init__(self) -> None:
        self._began: Spent | None = None
        self._last: Spent | None = None
        self._now = Spent()

    def hear(self, event: Event, now: Spent) -> None:
        self._now = now
        if event.kind == "round_started":
            self._began = self._last = now

    def playing(self) -> dict[str, float]:
        """Return how long the episodes took, and how fast they were."""
        if self._last is None:
            return {}
        tokens = self._now.sampled_tokens - self._last.sampled_tokens
        seconds = self._lap()
        pace = {"perf/tokens_per_second": tokens / seconds} if seconds > 0 else {}
        return {"timing_s/gen": seconds, **pace}

    def learning(self) -> dict[str, float]:
        """Return how long the trainer took."""
        return {} if self._last is None else {"timing_s/update": self._lap()}

    def syncing(self) -> dict[str, float]:
        """Return how long it took until the version served, and the whole step."""
        if self._last is None or self._began is None:
            return {}
        whole = self._now.seconds - self._began.seconds
        timed = {"timing_s/sync": self._lap(), "step_time": whole}
        self._began = self._last = None  # once, however many samplers take it
        return timed

    def _lap(self) -> float:
        began, self._last = self._last, self._now
        return self._now.seconds - began.seconds if began else 0.0
