"""Leases: which asks wait, and which worker may answer which. No ask has two workers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from simctl.bus.asks import Ask, Role
from simctl.bus.event import Event


@dataclass
class Hand:
    """A worker as far as work goes: the roles it plays, and how many asks it takes at a time."""

    name: str
    roles: frozenset[Role]
    capacity: int
    held: dict[int, Event] = field(default_factory=dict)

    @property
    def load(self) -> int:
        """How many answers are expected of it."""
        return sum(map(answers, self.held.values()))


def answers(asked: Event) -> int:
    """Return how many messages answer an ask."""
    ask = asked.message
    return ask.answers if isinstance(ask, Ask) else 1


class Leases:
    """Every ask that has no answer: it waits, or a worker holds it."""

    def __init__(self) -> None:
        """Begin without any."""
        self._waiting: dict[int, Event] = {}
        self._holder: dict[int, Hand] = {}
        self._closing: set[int] = set()  # held, and soon not: the log does not say so yet

    def ask(self, asked: Event) -> None:
        """Take an ask that nobody has answered."""
        if asked.seq not in self._holder:
            self._waiting[asked.seq] = asked

    def answered(self, seq: int) -> None:
        """Hear that an ask has its answer."""
        self._waiting.pop(seq, None)
        self._closing.discard(seq)
        hand = self._holder.pop(seq, None)
        if hand is not None:
            del hand.held[seq]

    def holds(self, name: str, seq: int) -> bool:
        """Tell whether a worker may answer an ask."""
        hand = self._holder.get(seq)
        return hand is not None and hand.name == name and seq not in self._closing

    def waiting(self) -> list[Event]:
        """Return the asks that nobody holds, in order."""
        return [self._waiting[seq] for seq in sorted(self._waiting)]

    def assign(self, hands: Sequence[Hand]) -> list[tuple[Hand, list[Event]]]:
        """Give what waits to those who can take it: each ask to whom least is expected of."""
        given: dict[str, tuple[Hand, list[Event]]] = {}
        for asked in self.waiting():
            able = [h for h in hands if asked.recipient in h.roles and len(h.held) < h.capacity]
            if not able:
                continue
            hand = min(able, key=lambda each: (each.load, each.name))
            del self._waiting[asked.seq]
            self._holder[asked.seq] = hand
            hand.held[asked.seq] = asked
            given.setdefault(hand.name, (hand, []))[1].append(asked)
        return list(given.values())

    def close(self, hand: Hand) -> list[int]:
        """Let a worker answer nothing any more; return the asks that it holds, in order.

        They stay its own until the log says so: an answer may be on its way into the log.
        """
        closed = sorted(hand.held.keys() - self._closing)
        self._closing.update(closed)
        return closed

    def expired(self, seqs: Iterable[int]) -> None:
        """Hear that leases of asks expired: those that were not answered before wait again."""
        for seq in seqs:
            hand = self._holder.get(seq)
            if hand is not None and seq in self._closing:
                self._waiting[seq] = hand.held.pop(seq)
                del self._holder[seq]
                self._closing.discard(seq)

    def unplayed(self, hands: Iterable[Hand]) -> set[str]:
        """Return the roles that are asked something and that none of `hands` plays."""
        played = {role for hand in hands for role in hand.roles}
        return {asked.recipient for asked in self._waiting.values()} - played
