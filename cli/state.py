"""The folded state of a log: what a run would go on from, and the hash that proves it."""

import hashlib
from collections import Counter
from collections.abc import Iterable

from simctl.agents.memory import Memory
from simctl.bus.event import GENESIS, Event
from simctl.bus.messages import CurriculumMoved
from simctl.bus.values import Value, canonical
from simctl.cli.recipe import Recipe


class State(Value):
    """Where a log stands after its last event."""

    seq: int
    chain: str  # the hash of the last event, and with it of all before
    round: int
    version: int  # the policy that served when the round began
    tokens: int  # spent in the rounds before
    incarnation: int
    ended: bool
    curriculum: CurriculumMoved  # as the rounds before have moved it
    kinds: dict[str, int]  # events of each kind
    senders: dict[str, int]  # events of each sender

    @property
    def hash(self) -> str:
        """What two folds of one log agree on, anywhere."""
        return hashlib.sha256(canonical(self).encode()).hexdigest()


class Fold:
    """A log folded event by event; its state can be asked for anywhere."""

    def __init__(self, recipe: Recipe) -> None:
        """Begin before the first event of a run of this recipe."""
        self._syllabus = recipe.syllabus()
        self._memory = Memory(early=recipe.early)
        self._kinds: Counter[str] = Counter()
        self._senders: Counter[str] = Counter()
        self._seq, self._chain = 0, GENESIS

    def hear(self, event: Event) -> None:
        """Take in the next event."""
        self._seq, self._chain = event.seq, event.hash
        self._kinds[event.kind] += 1
        self._senders[event.sender] += 1
        self._memory.hear(event, self._syllabus)

    def state(self) -> State:
        """Return where the log stands after what was heard."""
        memory = self._memory
        return State(
            seq=self._seq,
            chain=self._chain,
            round=memory.round,
            version=memory.version,
            tokens=memory.tokens,
            incarnation=memory.incarnation,
            ended=memory.ended,
            curriculum=self._syllabus.moved(),
            kinds=dict(self._kinds),
            senders=dict(self._senders),
        )


def fold(events: Iterable[Event], recipe: Recipe) -> State:
    """Fold the log of a run of this recipe into its state."""
    folded = Fold(recipe)
    for event in events:
        folded.hear(event)
    return folded.state()
