"""Teaching: what sets of examples are worth by what a learner gained from each."""

from collections.abc import Sequence


def gain(gains: Sequence[float]) -> list[float]:
    """What the learner scored after the set, less before (SOAR, 2601.18778); nothing is punished.

    Also what DataEnvGym pays a data maker.
    """
    return list(gains)


def advantage(gains: Sequence[float]) -> list[float]:
    """The gain less the mean of the others', so that the luck of an exam is nobody's.

    A lone set has no others, and its advantage is its gain.
    """
    others = max(len(gains) - 1, 1)
    return [each - (sum(gains) - each) / others for each in gains]


def best(gains: Sequence[float]) -> list[float]:
    """1 for the set that gained most, if it gained, else 0 (SEAL, 2506.10943)."""
    winner = gains.index(max(gains))
    return [float(at == winner and each > 0) for at, each in enumerate(gains)]
