"""Clusters: answers that say nearly the same, by the n-grams of their token ids."""

import math
from collections import Counter
from collections.abc import Sequence

Ids = Sequence[int]
ORDERS = 4  # n-grams of 1 to 4 tokens
SMOOTHING = 0.1  # a numerator of 0 counts as this much (Chen and Cherry 2014, method 1)


def bleu(reference: Ids, hypothesis: Ids) -> float:
    """Return the sentence BLEU of two answers, in [0, 1].

    Smoothed by method 1 as R-Zero does it (2508.05004). Of answers shorter than four tokens only
    the n-grams that they have are counted, so that equal answers score 1 whatever their length.
    """
    orders = min(ORDERS, len(reference), len(hypothesis))
    if orders == 0:
        return float(len(reference) == len(hypothesis))
    total = 0.0
    for n in range(1, orders + 1):
        said = _grams(hypothesis, n)
        matched = (said & _grams(reference, n)).total()
        if n == 1 and not matched:
            return 0.0
        total += math.log((matched or SMOOTHING) / said.total())
    short = min(0.0, 1 - len(reference) / len(hypothesis))  # the brevity penalty
    return math.exp(total / orders + short)


def clusters(answers: Sequence[Ids], cut: float = 0.5) -> list[int]:
    """Return the number of each answer's cluster.

    Clusters whose mean distance 1 - BLEU is least are joined while that is below `cut` (average
    linkage). Of a pair the earlier answer is the reference, both ways (R-Zero mirrors its matrix).
    """
    n = len(answers)
    gaps = [[0.0] * n for _ in range(n)]
    for at in range(n):
        for other in range(at + 1, n):
            gaps[at][other] = gaps[other][at] = 1 - bleu(answers[at], answers[other])
    members = {at: [at] for at in range(n)}
    while len(members) > 1:
        gap, at, other = min((gaps[a][b], a, b) for a in members for b in members if a < b)
        if gap >= cut:
            break
        here, there = len(members[at]), len(members[other])
        for third in members:
            mean = (here * gaps[at][third] + there * gaps[other][third]) / (here + there)
            gaps[at][third] = gaps[third][at] = mean
        members[at] += members.pop(other)
    number = {each: at for at, some in members.items() for each in some}
    return [number[at] for at in range(n)]


def crowding(answers: Sequence[Ids], cut: float = 0.5) -> list[float]:
    """Return the share of all answers that are in each one's cluster."""
    found = clusters(answers, cut)
    sizes = Counter(found)
    return [sizes[each] / len(answers) for each in found]


def _grams(ids: Ids, n: int) -> Counter[tuple[int, ...]]:
    return Counter(tuple(ids[at : at + n]) for at in range(len(ids) - n + 1))
