"""Pairs: a better and a worse answer to the same prompt."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from simctl.trainer.advantages import SAME
from simctl.trainer.context import Ids, Rendering, Segment
from simctl.trainer.links import Links
from simctl.trainer.trajectory import Trajectory


@dataclass(frozen=True, slots=True)
class Candidate:
    """An answer under the prompt that it trains under."""

    told: Trajectory
    rendering: Rendering

    @property
    def reward(self) -> float:
        """What it earned; an answer without a grade is no candidate."""
        return self.told.reward or 0.0


@dataclass(frozen=True, slots=True)
class Pair:
    """The better answer, rendered, and the tokens of the worse one under the same prompt.

    `sources` are the answers that it takes part of.
    """

    told: Trajectory
    chosen: Rendering
    rejected: Ids
    sources: tuple[int, ...]


def best_worst(candidates: Sequence[Candidate], top: float = 0.0) -> Iterator[Pair]:
    """Give the pair of the best and the worst of answers to one prompt; nothing for a tie.

    The best is the shortest of those in the top band [(1 - top) max + top min, max], the worst the
    longest of those that earned least (Meta-Rewarding, 2407.19594; with `top` 0 Self-Rewarding,
    2401.10020, but for the length among equals).
    """
    rewards = [each.reward for each in candidates]
    if not rewards or max(rewards) - min(rewards) <= SAME:
        return
    bound = (1 - top) * max(rewards) + top * min(rewards)
    high = [each for each in candidates if each.reward >= bound - SAME]
    low = [each for each in candidates if each.reward <= min(rewards) + SAME]
    yield _pair(min(high, key=_length), max(low, key=_length))


def right_wrong(
    candidates: Sequence[Candidate], threshold: float, most: int | None = None
) -> Iterator[Pair]:
    """Give every pair of a right and a wrong answer to one prompt (Socratic-Zero, 2509.24726).

    At most `most`: first each right answer once, with another wrong one, then each once more.
    """
    right = [each for each in candidates if each.reward >= threshold]
    wrong = [each for each in candidates if each.reward < threshold]
    deals = [
        (at, (at + turn) % len(wrong)) for turn in range(len(wrong)) for at in range(len(right))
    ]
    yield from (_pair(right[at], wrong[other]) for at, other in deals[:most])


def decoupled(candidates: Sequence[Candidate]) -> Iterator[Pair]:
    """Give the pair of the best privileged solution and the worst unaided attempt, if it is better.

    Temporal Self-Rewarding (2508.06026): chosen and rejected never come from one policy, and a pair
    whose chosen answer is judged no better is dropped.
    """
    later = [each for each in candidates if each.told.sort == "lesson"]
    earlier = [each for each in candidates if each.told.sort == "attempt"]
    if not later or not earlier:
        return
    chosen = max(later, key=lambda each: each.reward)
    rejected = min(earlier, key=lambda each: each.reward)
    if chosen.reward > rejected.reward + SAME:
        yield _pair(chosen, rejected)


def revised(candidates: Sequence[Candidate]) -> Iterator[Pair]:
    """Give a pair for every revision of one of these answers that earned more than it.

    SPaR (2412.11605), EVOLVE (2502.05605) and SCL: the answer that came of a critique is preferred
    when it has to be given at once.
    """
    by_source = {each.told.source: each for each in candidates}
    for each in candidates:
        before = by_source.get(each.told.of or 0) if each.told.sort == "revised" else None
        if before is not None and each.reward > before.reward + SAME:
            yield _pair(each, before)


def stop_or_go(attempt: Trajectory, links: Links, threshold: float) -> Iterator[Pair]:
    """Give the pair of ending an attempt and going on to doubt it (ReVISE, 2502.14565).

    Both follow the attempt's own tokens: its end token, or a critique that finds a fault, with the
    revision that it led to where that is right. To stop is better where the attempt is right. The
    published loop learns to go on by a token [refine], and to correct in a stage after that.
    """
    doubts = [each for each in links.critiques(attempt) if each.verdict is False]
    if attempt.truncated or attempt.reward is None or not doubts:
        return
    prompt, end = attempt.prompt + attempt.unended, attempt.tokens[-1:]
    doubt = doubts[0]
    if attempt.reward >= threshold:
        stop = Rendering(prompt, (Segment(attempt, end),), ())
        yield Pair(attempt, stop, doubt.tokens, (attempt.source, doubt.source))
        return
    mended = [e for e in links.corrections(doubt) if (e.reward or 0.0) >= threshold]
    said = [doubt.unended, mended[0].tokens] if mended else [doubt.tokens]
    going = Rendering(prompt, tuple(Segment(attempt, tokens) for tokens in said), ())
    yield Pair(attempt, going, end, tuple(each.source for each in (attempt, doubt, *mended[:1])))


def _pair(better: Candidate, worse: Candidate) -> Pair:
    sources = (better.told.source, worse.told.source)
    return Pair(better.told, better.rendering, worse.rendering.tokens, sources)


def _length(candidate: Candidate) -> int:
    return len(candidate.rendering.tokens)
