"""The tape: a log that is played again. Whoever appends to it must say what it holds.

It is read forward as far as it is needed, and what was said again is forgotten. Events are found by
(producer, epoch, pseq); answers of a role by the ask and their order among its answers, because the
numbers of a role tell which process answered, and not what.

Where versions came in flight the clock decided where the log has what is said of them, and which of
them said what. That is taken as recorded, as far as the log has that a version was proved by then.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from simctl.bus.answers import Spoken
from simctl.bus.asks import ROLES
from simctl.bus.event import Draft, Event, seal
from simctl.bus.messages import (
    OUTSIDE,
    PolicyEvaluated,
    PolicySynced,
    UnknownMessage,
    kinds,
)

Key = tuple[str, int, int]
Heard = Callable[[int], None]  # is told how many events were said again
_ANSWER = "answer"
# what processes say of themselves, and what was added to the log from outside
_OF_PROCESSES = {"message_rejected", "run_ended", "run_forked", "run_resumed", *OUTSIDE}
_OF_VERSIONS = frozenset(
    {"sample_dropped", "batch_built", "copy_promoted", "policy_updated", "policy_synced"}
)
_SCHEMAS = {kind: cls.schema_version for kind, cls in kinds().items()}


@dataclass(frozen=True)
class Divergence:
    """Where re-execution leaves the log: at event `seq`.

    `recorded` is what the log has there, `found` what was said now in its place. One of them is
    None where the other side says nothing.
    """

    seq: int
    recorded: Event | None
    found: Event | None


@dataclass(frozen=True)
class Flight:
    """How versions came in flight: up to `early` rounds before one waited for them.

    `served` is the version that served at the beginning of the tape.
    """

    early: int
    served: int = 0


class DivergenceError(Exception):
    """What was said is not what the log has."""


class Tape:
    """A journal that takes only what a log already has."""

    def __init__(
        self,
        events: Iterable[Event],
        *,
        finished: bool = True,
        heard: Heard = lambda _: None,
        flight: Flight | None = None,
    ) -> None:
        """Play `events`, in order; unless the run `finished`, more may be said after the last.

        `heard` is told after each append. `flight` is there if versions came in flight.
        """
        self._events = iter(events)
        self._finished = finished
        self._heard = heard
        self.flight = flight
        self._early = 0 if flight is None else flight.early
        self._proved = {} if flight is None else {flight.served: 0}  # versions, and since when
        self._unsaid: dict[Key, Event] = {}  # read and not said again yet, in the order of the log
        self._amid: dict[int, int] = {}  # by their seq, the round that each of them was said in
        self._read_of: Counter[int] = Counter()  # answers to each ask that were read,
        self._said_of: Counter[int] = Counter()  # and that were said again
        self._given: set[int] = set()  # seqs of what is taken as recorded
        self._round = self._said_round = 0
        self._last_seq = self._said_seq = self._beyond = 0
        self.over = False  # all was read, and the run would have gone on
        self.divergence: Divergence | None = None
        self.said: Counter[str] = Counter()  # by kind: worked out again, and the same
        self.taken: Counter[str] = Counter()  # taken as recorded
        self.apart: Counter[str] = Counter()  # of processes, which are not played again

    async def append(self, drafts: Sequence[Draft]) -> list[Event]:
        """Return the recorded events of the drafts.

        Raises:
            DivergenceError: the log has something else; from then on, always.
        """
        return self.place(drafts)

    def place(self, drafts: Sequence[Draft]) -> list[Event]:
        """Append without an event loop."""
        if not drafts:
            return []
        if self.divergence is None:
            found = [self._dated(draft, self._find(draft)) for draft in drafts]
            self.divergence = self._first_divergence(found)
            if self.divergence is None:
                events = [self._say(draft, recorded) for draft, recorded in found]
                self._heard(self.said.total() + self.taken.total())
                return events
        raise DivergenceError(f"event {self.divergence.seq} is not said again")

    def answers(self, asked: Event, count: int) -> list[Event]:
        """Return the recorded answers to an ask: `count`, or a failure, or none."""
        keys = [(_ANSWER, asked.seq, at) for at in range(count)]

        def complete() -> bool:
            first = self._unsaid.get(keys[0])
            failed = first is not None and first.kind == "role_failed"
            return failed or keys[-1] in self._unsaid

        self._read_until(complete, asked.round)
        return [self._unsaid[key] for key in keys if key in self._unsaid]

    def take(self, kind: str) -> Event | None:
        """Return the next event of a kind as it was recorded; None if the round has no more."""

        def found() -> Event | None:
            kept = (each for each in self._unsaid.values() if each.kind == kind)
            return next((each for each in kept if each.seq not in self._given), None)

        self._read_until(lambda: found() is not None, self._said_round)
        event = found()
        if event is not None:
            self.give(event)
        return event

    def take_all(self, producer: str, until: str, round_: int, amid: int) -> list[Event]:
        """Return what a producer said of a round up to the event of kind `until`, as recorded.

        It is looked for up to the end of round `amid`.
        """

        def found() -> list[Event]:
            kept = (each for each in self._unsaid.values() if each.producer == producer)
            return [each for each in kept if each.round == round_]

        self._read_until(lambda: any(each.kind == until for each in found()), amid)
        for event in found():
            self.give(event)
        return found()

    def give(self, event: Event) -> None:
        """Count an event as taken from the log and not worked out again."""
        self._given.add(event.seq)

    def pass_by(self, event: Event) -> None:
        """Count an event that is not on this tape."""
        (self.apart if _of_process(event) else self.taken)[event.kind] += 1

    def close(self) -> Divergence | None:
        """Return where the log was left, if only by what it has and nobody said again."""
        while self.divergence is None and self._read():
            self.divergence = self._unsaid_before(self._round)
        self.divergence = self.divergence or self._unsaid_before(self._round + 1 + self._early)
        return self.divergence

    def _first_divergence(self, found: Sequence[tuple[Draft, Event | None]]) -> Divergence | None:
        left = [self._unsaid_before(max(draft.round for draft, _ in found))]
        left += [self._compare(draft, recorded) for draft, recorded in found]
        return min(filter(None, left), key=lambda each: each.seq, default=None)

    def _compare(self, draft: Draft, recorded: Event | None) -> Divergence | None:
        if recorded is not None:
            again = _sealed(draft, recorded)
            same = again.hash == recorded.hash
            return None if same else Divergence(recorded.seq, recorded, again)
        if self.over and max(draft.round, self._said_round) + self._early >= self._round:
            return None
        again = seal(draft, run="", branch="", seq=self._said_seq + 1, prev_hash="")
        return Divergence(again.seq, None, again)

    def _unsaid_before(self, round_: int) -> Divergence | None:
        """Return the first event amid an earlier round that nobody said again, and had to."""
        for event in self._unsaid.values():
            amid = self._amid[event.seq]
            if amid >= round_:
                return None
            if event.kind not in _OF_VERSIONS or amid + self._early < round_:
                return Divergence(event.seq, event, None)
        return None

    def _dated(self, draft: Draft, recorded: Event | None) -> tuple[Draft, Event | None]:
        """Give a draft the versions that the clock had for it, where the log proves them."""
        if self.flight is None or recorded is None or draft.policy_version is None:
            return draft, recorded
        if recorded.kind in _OF_VERSIONS:
            return draft, recorded
        version, message, said = recorded.policy_version, draft.message, recorded.message
        spans = said.versions if isinstance(said, Spoken) else ()
        named = {version, *(each for each, _ in spans)}
        if not all(self._proved.get(each or 0, recorded.seq) < recorded.seq for each in named):
            return replace(draft, policy_version=None), recorded  # it cannot have said that
        if spans:
            message = message.model_copy(update={"versions": spans})
        elif isinstance(message, PolicyEvaluated):
            message = message.model_copy(update={"version": version})
        return replace(draft, policy_version=version, message=message), recorded

    def _find(self, draft: Draft) -> Event | None:
        if draft.round > self._said_round:
            self._said_round = draft.round
            self._said_of.clear()
        key = (draft.producer, draft.epoch, draft.pseq)
        if draft.sender in ROLES and draft.cause is not None:
            key = (_ANSWER, draft.cause, self._said_of[draft.cause])
            self._said_of[draft.cause] += 1
        # a trainer may speak of an earlier round
        self._read_until(lambda: key in self._unsaid, max(draft.round, self._said_round))
        return self._unsaid.pop(key, None)

    def _say(self, draft: Draft, recorded: Event | None) -> Event:
        if recorded is None:
            self._beyond += 1
            seq = self._last_seq + self._beyond
            return seal(draft, run="", branch="", seq=seq, prev_hash="")
        counted = self.taken if recorded.seq in self._given else self.said
        counted[recorded.kind] += 1
        self._given.discard(recorded.seq)
        self._amid.pop(recorded.seq, None)
        self._said_seq = max(self._said_seq, recorded.seq)
        recorded.__dict__["message"] = draft.message  # its cache: it need not be parsed again
        return recorded

    def _read_until(self, ready: Callable[[], bool], round_: int) -> None:
        while not ready() and self._round <= round_ + self._early and self._read():
            pass

    def _read(self) -> bool:
        event = next(self._events, None)
        if event is None:
            self.over = not self._finished
            return False
        self._last_seq = event.seq
        if _of_process(event):
            self.apart[event.kind] += 1
            return True
        if event.kind == "policy_synced":
            self._note_proof(event)
        if event.round > self._round:
            self._round = event.round
            self._read_of.clear()
        key = (event.producer, event.epoch, event.pseq)
        if event.sender in ROLES and event.cause is not None:
            key = (_ANSWER, event.cause, self._read_of[event.cause])
            self._read_of[event.cause] += 1
        self._unsaid[key] = event
        self._amid[event.seq] = self._round
        return True

    def _note_proof(self, event: Event) -> None:
        if isinstance(event.message, PolicySynced) and event.message.ok:
            self._proved[event.message.version] = event.seq


def again(event: Event) -> Draft:
    """Return the draft that an event was made of.

    Raises:
        ValueError: its message is of another version of simctl.
    """
    if isinstance(event.message, UnknownMessage):
        raise ValueError(f"event {event.seq} is {event.kind!r}, which this simctl cannot say")  # noqa: TRY004 - it is data
    return Draft(
        producer=event.producer,
        epoch=event.epoch,
        pseq=event.pseq,
        message=event.message,
        sender=event.sender,
        recipient=event.recipient,
        episode=event.episode,
        round=event.round,
        cause=event.cause,
        task=event.task,
        policy_version=event.policy_version,
        utterance=event.utterance,
    )


def _of_process(event: Event) -> bool:
    unknown = event.schema > _SCHEMAS.get(event.kind, 0)
    return unknown or event.kind in _OF_PROCESSES or event.sender == "session"


def _sealed(draft: Draft, at: Event) -> Event:
    return seal(draft, run=at.run, branch=at.branch, seq=at.seq, prev_hash=at.prev_hash)
