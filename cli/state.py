"""The folded state of a log: what a run would go on from, and the hash that proves it."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator

from simctl.agents.curriculum import Curriculum
from simctl.agents.memory import recall
from simctl.bus.event import GENESIS, Event
from simctl.bus.messages import CurriculumMoved
from simctl.bus.values import Value, canonical


class State(Value):
    """Where a log stands after its last event."""

    seq: int
    chain: str  # the hash of the last event, and with it of all before
    round: int
    version: int  # the policy that served when the round began
    tokens: int  # sampled in the rounds before
    incarnation: int
    ended: bool
    curriculum: CurriculumMoved  # as the rounds before have moved it
    kinds: dict[str, int]  # events of each kind
    senders: dict[str, int]  # events of each sender

    @property
    def hash(self) -> str:
        """What two folds of one log agree on, anywhere."""
        return hashlib.sha256(canonical(self).encode()).hexdigest()


def fold(events: Iterable[Event], curriculum: Curriculum) -> State:
    """Fold a log into its state."""
    kinds: Counter[str] = Counter()
    senders: Counter[str] = Counter()
    last: list[Event] = []

    def counted() -> Iterator[Event]:
        for event in events:
            kinds[event.kind] += 1
            senders[event.sender] += 1
            last[:] = [event]
            yield event

    syllabus = curriculum.begin()
    memory = recall(counted(), syllabus)
    return State(
        seq=last[0].seq if last else 0,
        chain=last[0].hash if last else GENESIS,
        round=memory.round,
        version=memory.version,
        tokens=memory.tokens,
        incarnation=memory.incarnation,
        ended=memory.ended,
        curriculum=syllabus.moved(),
        kinds=dict(kinds),
        senders=dict(senders),
    )
