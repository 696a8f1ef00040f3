"""The Beta distribution: its entropy, and how density and entropy move with its parameters."""

from dataclasses import dataclass
from math import lgamma, log

_FAR = 10.0  # where the asymptotic series is exact to 1e-12


@dataclass(frozen=True)
class Beta:
    """Beta(a, b) over (0, 1), with a and b above 0."""

    a: float
    b: float

    @property
    def mean(self) -> float:
        """Return a / (a + b)."""
        return self.a / (self.a + self.b)

    @property
    def entropy(self) -> float:
        """Return the differential entropy in nats: 0 for Beta(1, 1), below 0 for all others."""
        a, b = self.a, self.b
        return (
            lgamma(a) + lgamma(b) - lgamma(a + b)
            - (a - 1) * digamma(a)
            - (b - 1) * digamma(b)
            + (a + b - 2) * digamma(a + b)
        )  # fmt: skip

    def score(self, x: float) -> tuple[float, float]:
        """Return the gradient of log density at `x` in (0, 1) with respect to a and b."""
        both = digamma(self.a + self.b)
        return log(x) - digamma(self.a) + both, log(1 - x) - digamma(self.b) + both

    def entropy_gradient(self) -> tuple[float, float]:
        """Return the gradient of the entropy with respect to a and b."""
        a, b = self.a, self.b
        both = (a + b - 2) * trigamma(a + b)
        return both - (a - 1) * trigamma(a), both - (b - 1) * trigamma(b)


def digamma(x: float) -> float:
    """Return the derivative of log gamma at x > 0."""
    total = 0.0
    while x < _FAR:
        total -= 1 / x
        x += 1
    z = 1 / (x * x)
    return total + log(x) - 0.5 / x - z * (1 / 12 - z * (1 / 120 - z * (1 / 252 - z / 240)))


def trigamma(x: float) -> float:
    """Return the second derivative of log gamma at x > 0."""
    total = 0.0
    while x < _FAR:
        total += 1 / (x * x)
        x += 1
    z = 1 / (x * x)
    return total + 1 / x + z / 2 + z / x * (1 / 6 - z * (1 / 30 - z * (1 / 42 - z / 30)))
