"""Ballots: attempts vote for their final answers, each with a weight."""

from collections import Counter
from collections.abc import Callable, Sequence


def elect(
    attempts: Sequence[str],
    answer_of: Callable[[str], str],
    weights: Sequence[float] | None = None,
) -> str:
    """Return an attempt with the answer that got the most weight; ties go to what came first.

    An attempt whose answer is empty never votes (as in SRT, 2505.21444; R-Zero's "None" does). Of
    the attempts with the winning answer, the derivation that is there most often is returned.
    Where nobody votes it is the first attempt.
    """
    answers = [answer_of(each) for each in attempts]
    votes: dict[str, float] = {}
    for answer, weight in zip(answers, weights or [1.0] * len(attempts), strict=True):
        if answer:
            votes[answer] = votes.get(answer, 0.0) + weight
    if not votes:
        return attempts[0]
    winner = max(votes, key=votes.__getitem__)  # of equals, the first that was voted for
    agreeing = Counter(
        each for each, answer in zip(attempts, answers, strict=True) if answer == winner
    )
    return max(agreeing, key=agreeing.__getitem__)


def borda(scores: Sequence[float], power: float) -> list[float]:
    """Return `(N - rank + 1) ** power` for each of N scores; the highest has rank 1.

    Self-certainty's weights (Kang et al., 2502.18581). Equal scores rank in their order.
    """
    order = sorted(range(len(scores)), key=lambda at: (-scores[at], at))
    weights = [0.0] * len(scores)
    for rank, at in enumerate(order, start=1):
        weights[at] = float(len(scores) - rank + 1) ** power
    return weights
