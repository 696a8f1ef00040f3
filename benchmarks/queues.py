"""Queues: a society's agents, a broker and a log's owner as a closed network, event by event.

An agent thinks, says something, waits until it is in the log and answered, and thinks again. What
it says passes the broker, then the owner, which commits all that waits at once, and the broker
again. Thinking takes exponentially distributed times; the machines take the times that were
measured. Simulated, because commits of many messages have no product form that a formula would use.
"""

import heapq
from collections import deque
from dataclasses import dataclass, field
from random import Random


@dataclass(frozen=True)
class Costs:
    """What a message takes, in seconds of one processor.

    A commit takes `commit` and for each message `message` (its checks, and its events).
    """

    broker: float  # of one message, one way
    commit: float
    message: float
    most: int = 1000  # messages in a commit


@dataclass
class Course:
    """What happened after the warm-up, in `seconds`. Laws hold of it: see `tests/test_scale.py`."""

    seconds: float
    said: int = 0
    answered: int = 0
    began_with: int = 0  # that were on their way as it began
    left: int = 0  # that are on their way at the end
    inside: float = 0  # mean number of messages on their way
    waits: list[float] = field(default_factory=list)  # seconds from saying to the answer
    busy_broker: float = 0  # share of the time
    busy_owner: float = 0
    commits: int = 0

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answered / self.seconds

    def wait(self, share: float) -> float:
        """Return the time within which a share of the answers came; 0.5 is the median."""
        ordered = sorted(self.waits)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def simulate(  # noqa: PLR0913 - the three last have defaults
    agents: int,
    think: float,
    costs: Costs,
    *,
    seconds: float = 30,
    warm: float = 5,
    brokers: int = 1,
    seed: int = 0,
) -> Course:
    """Let agents, each of whom thinks `think` seconds on average, speak for some seconds."""
    return _Network(agents, think, costs, brokers, Random(seed)).run(seconds, warm)  # noqa: S311 - dice


SAY, THERE, COMMITTED, BACK = range(4)


class _Network:
    def __init__(self, agents: int, think: float, costs: Costs, brokers: int, dice: Random) -> None:
        self._think, self._costs, self._dice = think, costs, dice
        self._heap: list[tuple[float, int, int, list[tuple[int, float]]]] = []
        self._count = 0
        self._free = [0.0] * brokers  # when each broker is idle again
        self._waiting: deque[tuple[int, float]] = deque()  # at the owner: agent, and since when
        self._committing = False
        self._inside, self._changed, self._area = 0, 0.0, 0.0
        self._from = 0.0
        self._course = Course(0)
        for agent in range(agents):
            self._at(self._thought(), SAY, [(agent, 0.0)])

    def run(self, seconds: float, warm: float) -> Course:
        """Return what happened after `warm` seconds."""
        for until in (warm, warm + seconds):
            while self._heap and self._heap[0][0] <= until:
                now, _, what, messages = heapq.heappop(self._heap)
                self._happen(now, what, messages)
            self._count_inside(until, 0)
            if until == warm:
                self._from, self._area = warm, 0.0
                self._course = Course(seconds, began_with=self._inside)
        self._course.left = self._inside
        self._course.inside = self._area / seconds
        return self._course

    def _happen(self, now: float, what: int, messages: list[tuple[int, float]]) -> None:
        if what == SAY:
            self._count_inside(now, 1)
            self._course.said += 1
            self._pass(now, THERE, [(messages[0][0], now)])
        elif what == THERE:
            self._waiting.extend(messages)
        elif what == COMMITTED:
            self._committing = False
            for message in messages:
                self._pass(now, BACK, [message])
        else:
            [(agent, since)] = messages
            self._count_inside(now, -1)
            self._course.answered += 1
            self._course.waits.append(now - since)
            self._at(now + self._thought(), SAY, [(agent, 0.0)])
        if self._waiting and not self._committing:
            self._commit(now)

    def _pass(self, now: float, what: int, messages: list[tuple[int, float]]) -> None:
        """Let the broker of an agent pass a message on, after those that came before."""
        broker = messages[0][0] % len(self._free)
        begun = max(now, self._free[broker])
        self._free[broker] = done = begun + self._costs.broker
        self._course.busy_broker += self._share(begun, done) / len(self._free)
        self._at(done, what, messages)

    def _commit(self, now: float) -> None:
        size = min(len(self._waiting), self._costs.most)
        taken = [self._waiting.popleft() for _ in range(size)]
        done = now + self._costs.commit + size * self._costs.message
        self._committing = True
        self._course.busy_owner += self._share(now, done)
        self._course.commits += 1
        self._at(done, COMMITTED, taken)

    def _share(self, begun: float, done: float) -> float:
        """Return the share of the course that lies in a time."""
        seconds = self._course.seconds
        if not seconds:
            return 0.0
        end = self._from + seconds
        return max(0.0, min(done, end) - max(begun, self._from)) / seconds

    def _count_inside(self, now: float, change: int) -> None:
        self._area += self._inside * (now - self._changed)
        self._inside, self._changed = self._inside + change, now

    def _thought(self) -> float:
        return self._dice.expovariate(1 / self._think) if self._think else 0.0

    def _at(self, when: float, what: int, messages: list[tuple[int, float]]) -> None:
        self._count += 1
        heapq.heappush(self._heap, (when, self._count, what, messages))
