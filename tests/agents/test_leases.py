"""No ask has two workers, none is lost, and each is answered once, whatever happens."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from simctl.agents.leases import Hand, Leases
from simctl.bus.asks import GiveHint, Role, SolveTask
from simctl.bus.event import Draft, Event
from simctl.store.memory_log import ListLog


class Work(RuleBasedStateMachine):
    """Asks come, workers take them, answer, fall silent and come back, in any order."""

    hands = Bundle("hands")

    def __init__(self) -> None:
        super().__init__()
        self.log = ListLog()
        self.leases = Leases()
        self.asked: dict[int, Event] = {}
        self.answered: set[int] = set()
        self.closed: list[tuple[Hand, list[int]]] = []
        self.known: list[Hand] = []

    @rule(target=hands, roles=st.sampled_from([("solver",), ("guide",), ("solver", "guide")]))
    def join(self, roles: tuple[Role, ...]) -> Hand:
        hand = Hand(f"w{len(self.known)}", frozenset(roles), 3)
        self.known.append(hand)
        return hand

    @rule(solver=st.booleans(), n=st.integers(1, 4))
    def ask(self, solver: bool, n: int):
        message = (
            SolveTask(task=0, problem="p", n=n)
            if solver
            else GiveHint(task=0, problem="p", partial="")
        )
        role = "solver" if solver else "guide"
        [event] = self.log.place([Draft("e", 0, len(self.asked), message, "episode", role)])
        self.asked[event.seq] = event
        self.leases.ask(event)
        self.leases.ask(event)  # a round that is played again asks twice

    @rule(hands=st.lists(hands, unique_by=lambda hand: hand.name))
    def assign(self, hands: list[Hand]):
        for hand, given in self.leases.assign(hands):
            assert all(event.recipient in hand.roles for event in given)
            assert len(hand.held) <= hand.capacity
            assert self.answered.isdisjoint(event.seq for event in given)

    @rule(hand=hands)
    def answer(self, hand: Hand):
        for seq in [seq for seq in hand.held if self.leases.holds(hand.name, seq)][:1]:
            assert seq not in self.answered
            self.leases.answered(seq)
            self.answered.add(seq)

    @rule(hand=hands)
    def fall_silent(self, hand: Hand):
        closed = self.leases.close(hand)
        assert not any(self.leases.holds(hand.name, seq) for seq in hand.held)
        self.closed.append((hand, closed))

    @rule(hand=hands)
    def answer_that_was_on_its_way(self, hand: Hand):
        for seq in sorted(hand.held)[:1]:  # it came into the log before the lease expired
            self.leases.answered(seq)
            self.answered.add(seq)

    @rule()
    def expire(self):
        for _, closed in self.closed:
            self.leases.expired(closed)
        self.closed.clear()

    @invariant()
    def every_ask_is_in_one_place(self):
        held = [seq for hand in self.known for seq in hand.held]
        waiting = [event.seq for event in self.leases.waiting()]
        assert sorted(held + waiting) == sorted(self.asked.keys() - self.answered)


Work.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestWork = Work.TestCase


def test_an_ask_goes_to_whom_least_is_expected_of():
    log, leases = ListLog(), Leases()
    sizes = [8, 1, 1, 1, 1, 1, 1, 1, 1]
    asks = [SolveTask(task=0, problem="p", n=n) for n in sizes]
    for event in log.place(
        [Draft("e", 0, at, ask, "episode", "solver") for at, ask in enumerate(asks)]
    ):
        leases.ask(event)
    hands = [Hand(name, frozenset(["solver"]), 64) for name in "ab"]
    given = {hand.name: [event.seq for event in asked] for hand, asked in leases.assign(hands)}
    assert given == {"a": [1], "b": [2, 3, 4, 5, 6, 7, 8, 9]}


def test_roles_that_nobody_plays_are_known():
    log, leases = ListLog(), Leases()
    [event] = log.place(
        [Draft("e", 0, 0, GiveHint(task=0, problem="p", partial=""), "episode", "guide")]
    )
    leases.ask(event)
    solver = Hand("a", frozenset(["solver"]), 64)
    assert leases.unplayed([solver]) == {"guide"}
    assert leases.assign([solver]) == []
