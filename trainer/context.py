"""Contexts: under which prompt an answer trains. Token ids are put together, never made again.

An answer that was sampled with help (a hint, a privileged view, its own first attempt) can train as
if it had been given without: under the prompt of an unaided answer to the same question. The
ratio of the policy gradient is then either to what was logged under the prompt with help, pi(y|x) /
pi_old(y|x, hint) (Guide, 2506.13923), or to the learner's own at the beginning of the round,
so that it starts at 1 (RLTF-SD, 2602.02482).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from simctl.trainer.links import Links
from simctl.trainer.trajectory import Trajectory

Ids = tuple[int, ...]
Context = Literal["own", "bare"]
NO_PROMPT = "no bare prompt"
AIDED = frozenset({"hinted", "continued", "revised", "lesson"})


class NoBarePromptError(Exception):
    """Nobody answered the same question without help, so its prompt is not known."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Tokens of one answer within a sequence; `share` of that answer's weight falls on them."""

    told: Trajectory
    tokens: Ids
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Rendering:
    """An answer, or several that follow each other, under a prompt.

    `logprobs` has the length of all tokens, or is empty where nothing was logged for them.
    """

    prompt: Ids
    segments: tuple[Segment, ...]
    logprobs: tuple[float, ...]

    @property
    def tokens(self) -> Ids:
        """All tokens in their order."""
        return tuple(token for each in self.segments for token in each.tokens)

    def weights(self, weigh: Callable[[Trajectory], float]) -> tuple[float, ...]:
        """Return the weight of every token from that of the answer it belongs to."""
        each = [(segment, weigh(segment.told) * segment.share) for segment in self.segments]
        return tuple(weight for segment, weight in each for _ in segment.tokens)


def own(told: Trajectory) -> Rendering:
    """Return an answer under the prompt that it was given to."""
    return Rendering(told.prompt, (Segment(told, told.tokens),), told.logprobs)


def bare_prompt(told: Trajectory, links: Links) -> Ids:
    """Return the prompt that the same question has without help.

    For a solution it is that of an unaided attempt at the task, for a critique with the reference
    in view that of an ordinary critique of the same attempt (SCRIT, 2501.05727).

    Raises:
        NoBarePromptError: there is none in the round.
    """
    asked = _unaided(told, links)
    if not asked:
        raise NoBarePromptError(f"event {told.source} has no answer beside it without help")
    return asked[0].prompt


def _unaided(told: Trajectory, links: Links) -> Sequence[Trajectory]:
    """Return answers to the same question that were given without help."""
    if told.sort in AIDED:
        return links.attempts(told.about)
    if told.sort == "critique" and told.role == "teacher":
        attempt = links.said(told.of)
        every = [] if attempt is None else links.critiques(attempt)
        return [each for each in every if each.role != "teacher"]
    return [told]


def bare(
    told: Trajectory, links: Links, *, correct_ratio: bool = False, prefix_share: float = 0.0
) -> Rendering:
    """Return an answer under the bare prompt.

    An answer that went on from a prefix becomes one whole solution: the ids of the prefix stand
    before its own, and `prefix_share` of its weight falls on them (0 as in Agent-R, 2501.11425,
    which masks the failed part; 1 as in S3c-Math, 2409.01524).

    Raises:
        NoBarePromptError: there is no such prompt in the round.
    """
    prompt = bare_prompt(told, links)
    if prompt == told.prompt:
        return own(told)
    said = Segment(told, told.tokens)
    if told.sort != "continued":
        return Rendering(prompt, (said,), told.logprobs if correct_ratio else ())
    if told.prompt[: len(prompt)] != prompt:
        raise NoBarePromptError(f"the prompt of event {told.source} does not begin with the task's")
    prefix = Segment(told, told.prompt[len(prompt) :], prefix_share)
    # a masked prefix needs no log-probabilities, and the rest was sampled in this very context
    logged = () if prefix_share else (0.0,) * len(prefix.tokens) + told.logprobs
    return Rendering(prompt, (prefix, said), logged)


def inline(told: Trajectory, links: Links) -> Rendering:
    """Return all that led to an answer as one sequence: attempt, critique, revision (SPOC, S2R).

    End tokens in the middle fall away, as the sequence goes on there.

    Raises:
        NoBarePromptError: what it began with is no unaided attempt of the round.
    """
    chain = links.chain(told)
    if chain[0].sort != "attempt":
        raise NoBarePromptError(f"event {told.source} does not go back to an unaided attempt")
    if len(chain) == 1:
        return own(told)
    middle = [Segment(each, each.unended) for each in chain[:-1]]
    return Rendering(chain[0].prompt, (*middle, Segment(told, told.tokens)), ())
