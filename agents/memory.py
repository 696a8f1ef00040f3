"""Memory: where a run is, folded from its log. Nothing else is kept between two processes."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from simctl.agents.curriculum import Syllabus
from simctl.agents.health.watch import Watch
from simctl.bus.answers import ExamTaken
from simctl.bus.event import Event
from simctl.bus.messages import (
    OUTSIDE,
    BatchBuilt,
    PolicySynced,
    PolicyUpdated,
    RunForked,
    RunResumed,
    RunStarted,
)
from simctl.bus.order import as_asked

SOCIETY, TRAINER = "society", "trainer"
_TURNS = frozenset({"run_started", "run_resumed", "run_forked", "policy_synced", "policy_updated"})


@dataclass
class Memory:
    """The round that was begun last, as far as it came; it is played again from its start.

    `pseq` is the society's number at the start of that round, `version` the policy that served,
    `offered` the last one that came to be served, whether it was or not,
    `tokens` what earlier rounds spent, `incarnation` how many processes have played the run.
    A fork with another recipe leaves the round as it is: then `closed`, and both are those of the
    round to come. `watch` keeps what earlier rounds were like, if somebody wants to know.
    """

    round: int = 0
    pseq: int = 0
    version: int = 0
    offered: int = 0
    tokens: int = 0
    incarnation: int = 0
    ended: bool = False
    closed: bool = False
    history: list[Event] = field(default_factory=list)
    untaken: list[Event] = field(default_factory=list)
    watch: Watch | None = field(default=None, compare=False)
    early: int | None = None
    _recipe: str = ""
    _next_pseq: int = 0
    _serving: int = 0
    _offered: int = 0

    def hear(self, event: Event, syllabus: Syllabus) -> None:
        """Take in the next event of the log; moves `syllabus` along."""
        if event.kind in OUTSIDE:
            return
        if event.producer == SOCIETY and event.epoch == 0:
            self._next_pseq = event.pseq + 1
        if event.kind == "round_started":
            self.close(self.history, syllabus, self.round)
            self.round, self.pseq, self.closed = event.round, event.pseq, False
            self.version = self._serving = max(self._serving, event.policy_version or 0)
            self.offered = self._offered
        elif event.kind in _TURNS:
            self._turn(event, syllabus)
        self.ended = event.kind == "run_ended"
        self.history.append(event)

    def close(self, events: Iterable[Event], syllabus: Syllabus, round_: int) -> list[Event]:
        """Take in the events of a finished round; return those that count in one to come."""
        known = list(events)
        kept = sorted((each for each in known if self.counts(each, round_)), key=as_asked)
        syllabus.observe(kept)
        if self.watch is not None:
            self.watch.observe(kept)
        self.tokens += spent(kept)
        self.history = [each for each in known if not self.counts(each, round_)]
        return self.history

    def counts(self, event: Event, round_: int) -> bool:
        """Whether an event counts in a round that ends, or in one to come.

        In flight the clock decides when the trainer speaks of a version, and nothing else may
        depend on it: it counts in the round that could not have ended without it.
        """
        return event.producer != TRAINER or event.round + (self.early or 0) <= round_

    def _turn(self, event: Event, syllabus: Syllabus) -> None:
        match event.message:
            case RunStarted(recipe=recipe):
                self.incarnation += 1
                self._recipe = recipe
            case RunResumed():
                self.incarnation += 1
            case PolicySynced(ok=ok, version=version):
                self._offered = version
                self._serving = version if ok else self._serving
                self.untaken = [each for each in self.untaken if each.round > version]
                if self.early is not None:
                    self.version, self.offered = self._serving, self._offered
            case PolicyUpdated():
                self.untaken.append(event)
            case RunForked(recipe=recipe) if recipe != self._recipe:
                self._recipe = recipe
                if self.round:
                    self.close(self.history, syllabus, self.round)
                    self.pseq, self.version, self.closed = self._next_pseq, self._serving, True
                    self.offered = self._offered
            case _:
                pass


_COSTLY = frozenset({"batch_built", "exam_taken"})


def spent(events: Iterable[Event]) -> int:
    """Return how many tokens events cost: what a budget counts.

    These are the tokens that any role sampled or showed, those of exams, and the answer tokens that
    a teacher scored again for a divergence. What evaluations sample teaches nothing, and does not
    count.
    """
    return sum(_cost(event) for event in events)


def _cost(event: Event) -> int:
    if event.utterance is not None:
        return len(event.utterance.tokens)
    if event.kind not in _COSTLY:
        return 0
    match event.message:
        case BatchBuilt() as built:
            return built.teacher_tokens
        case ExamTaken() as taken:
            return taken.tokens
        case _:
            return 0


def recall(
    events: Iterable[Event],
    syllabus: Syllabus,
    watch: Watch | None = None,
    early: int | None = None,
) -> Memory:
    """Fold a log into the place where its run broke off; moves `syllabus` and `watch` along."""
    memory = Memory(watch=watch, early=early)
    for event in events:
        memory.hear(event, syllabus)
    return memory
