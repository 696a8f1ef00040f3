"""Learnt exposure: a small policy that chooses what share of its view the teacher sees.

ATESD (2605.11458): the parameters of a Beta distribution are linear in a state, (a, b) = 1 +
softplus(W s). A share is drawn, held for some rounds, and paid with the discounted progress of the
loss over the rounds after it. REINFORCE with advantages normalised in a batch of decisions moves W,
and entropy above a target is penalised.

The published state has also the mismatch of teacher and student and a probe's log-likelihood, and
the reward a term for the teacher's likelihood of the reference; the log has none of these.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, log1p
from statistics import fmean, pstdev
from typing import Literal

from pydantic import Field

from simctl.agents.played import Round
from simctl.agents.steering.beta import Beta
from simctl.agents.steering.controller import Constant, Controller
from simctl.bus.dice import dice
from simctl.bus.values import Value

_MEMORY = 0.7  # share of a running mean that stays
_INSIDE = 1e-6  # the density has no finite slope at 0 and 1
_SAME = 1e-9  # returns closer than this are the same


class Learnt(Value):
    """The share is drawn from a Beta distribution that learns what makes the loss fall."""

    kind: Literal["beta"] = "beta"
    least: float = Field(default=0.1, ge=0, le=1, description="smallest share of the view")
    most: float = Field(default=1.0, ge=0, le=1, description="largest share of the view")
    hold: int = Field(default=4, ge=1, description="rounds for which a share is held")
    look_ahead: int = Field(default=4, ge=1, description="rounds of progress that pay for a share")
    discount: float = Field(default=0.9, ge=0, le=1, description="of the progress of later rounds")
    batch: int = Field(default=4, ge=2, description="decisions to a step of the controller")
    learning_rate: float = Field(default=0.1, gt=0, description="of the controller")
    entropy_target: float = Field(
        default=-0.5, le=0, description="entropy in nats above which the distribution is narrowed"
    )
    entropy_weight: float = Field(default=0.1, ge=0, description="how strongly it is narrowed")
    loss: str = Field(
        default="loss/divergence", description="metric of the update whose fall is progress"
    )
    confidence: str = Field(
        default="entropy/solver", description="metric of the update that tells how sure it is"
    )

    def begin(self, seed: int) -> Controller:
        """Return a controller that has seen nothing: a symmetric distribution."""
        return LearntExposure(self, seed)


@dataclass(frozen=True)
class Decision:
    """A share drawn for the rounds from `since` on, and the state in which it was drawn."""

    since: int
    state: tuple[float, ...]
    drawn: float


class LearntExposure(Constant):
    """The state of a learnt exposure."""

    def __init__(self, settings: Learnt, seed: int) -> None:
        """Draw the first share."""
        self._settings = settings
        self._seed = seed
        self._round = 0
        self._losses: list[float] = []  # after each round; the first is what was before any
        self._mean_loss = self._mean_share = self._confidence = 0.0
        self._waiting: list[Decision] = []
        self._paid: list[tuple[Decision, float]] = []
        self._rows = [[0.0] * len(self._state()) for _ in "ab"]
        super().__init__(0.0)
        self._decide()

    def observe(self, played: Round) -> None:
        """Take in the loss of a round, learn from decisions that are due, and draw in turn."""
        self._round = played.number
        self._note(played)
        self._pay()
        if self._round % self._settings.hold == 0:
            self._decide()

    def report(self) -> dict[str, float]:
        """Return the share, and the mean of the distribution that it was drawn from."""
        return {"": self._value, "mean": _policy(self._rows, self._state()).mean}

    def _note(self, played: Round) -> None:
        first = not self._losses
        loss = played.metrics.get(self._settings.loss, None if first else self._losses[-1])
        if loss is not None:
            before = loss if first else self._losses[-1]
            self._losses += [before] * (self._round - len(self._losses)) + [loss]
            self._mean_loss = _running(self._mean_loss, loss, first=first)
        self._mean_share = _running(self._mean_share, self._value, first=self._round == 1)
        self._confidence = played.metrics.get(self._settings.confidence, self._confidence)

    def _state(self) -> tuple[float, ...]:
        last = progress(self._losses[-2:])
        return (1.0, last, self._mean_share, self._mean_loss, self._confidence)

    def _decide(self) -> None:
        policy, since = _policy(self._rows, self._state()), self._round + 1
        drawn = dice(self._seed, "exposure", since).betavariate(policy.a, policy.b)
        drawn = min(max(drawn, _INSIDE), 1 - _INSIDE)
        self._waiting.append(Decision(since, self._state(), drawn))
        self._value = min(max(drawn, self._settings.least), self._settings.most)

    def _pay(self) -> None:
        """Pay the decisions that are due, and learn when there are enough."""
        due = self._round - self._settings.look_ahead + 1
        ready = [each for each in self._waiting if each.since <= due]
        self._waiting = [each for each in self._waiting if each.since > due]
        for each in ready:
            ahead = self._losses[each.since - 1 : each.since + self._settings.look_ahead]
            self._paid.append((each, progress(ahead, self._settings.discount)))
        if len(self._paid) >= self._settings.batch:
            self._rows = learn(self._settings, self._rows, self._paid)
            self._paid = []


def progress(losses: Sequence[float], discount: float = 1.0) -> float:
    """Return sum_i discount^(i-1) max(0, l_(i-1) - l_i) of losses in the order of rounds."""
    falls = (max(0.0, before - after) for before, after in pairwise(losses))
    return sum(discount**at * fall for at, fall in enumerate(falls))


def learn(
    settings: Learnt, rows: list[list[float]], paid: list[tuple[Decision, float]]
) -> list[list[float]]:
    """Return the rows for a and b after one step up the return, and down surplus entropy."""
    mean, spread = fmean(each for _, each in paid), pstdev(each for _, each in paid)
    slopes = [[0.0] * len(row) for row in rows]
    for decision, earned in paid:
        policy = _policy(rows, decision.state)
        advantage = (earned - mean) / spread if spread > _SAME else 0.0
        surplus = max(0.0, policy.entropy - settings.entropy_target)
        narrowing = 2 * settings.entropy_weight * surplus
        grads = zip(policy.score(decision.drawn), policy.entropy_gradient(), strict=True)
        for row, slope, (up, wider) in zip(rows, slopes, grads, strict=True):
            bend = _sigmoid(_dot(row, decision.state)) / len(paid)
            for at, feature in enumerate(decision.state):
                slope[at] += (advantage * up - narrowing * wider) * bend * feature
    return [
        [weight + settings.learning_rate * step for weight, step in zip(row, slope, strict=True)]
        for row, slope in zip(rows, slopes, strict=True)
    ]


def _policy(rows: list[list[float]], state: tuple[float, ...]) -> Beta:
    a, b = (1 + _softplus(_dot(row, state)) for row in rows)
    return Beta(a, b)


def _dot(row: list[float], state: tuple[float, ...]) -> float:
    return sum(weight * feature for weight, feature in zip(row, state, strict=True))


def _softplus(x: float) -> float:
    return max(x, 0.0) + log1p(exp(-abs(x)))


def _sigmoid(x: float) -> float:
    return 1 / (1 + exp(-x)) if x >= 0 else exp(x) / (1 + exp(x))


def _running(before: float, now: float, *, first: bool) -> float:
    return now if first else _MEMORY * before + (1 - _MEMORY) * now
