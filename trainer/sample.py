"""Samples: all that a learner ever sees. Token ids only, never text."""

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from simctl.bus.asks import Role
from simctl.bus.values import Value


class CrossEntropy(Value):
    """Weighted negative log-likelihood: `-w_t log pi(y_t)`."""

    kind: Literal["cross_entropy"] = "cross_entropy"


class PolicyGradient(Value):
    """Clipped importance-weighted policy gradient (PPO/GRPO); `weights` are advantages.

    The ratio is to the logged log-probabilities, or, where none are logged, to the learner's own at
    the beginning of the round. With `importance_sampling_cap` it is to the learner's own in any
    case, and min(own / sampler's, cap) of each token multiplies the loss as a constant: truncated
    importance sampling, never both at once. With `shaping` gamma, for tokens that another than the
    policy wrote, the unclipped pi / (sg[pi] + gamma) takes the ratio's place (ThinkTuning, Saadi et
    al. 2508.07616); a bad token that is unlikely already (below `UNLIKELY`) is left alone. Its
    gamma that grows with the advantage has no published slope, and the published clamp has its
    bounds the wrong way round and gives one constant: so it is a constant here.
    Tokens that are less likely than `least_logprob` when the round begins do not train, but count
    in the mean (RLTF-SD, 2602.02482).
    `entropy` times the distribution's entropy is taken off the loss.
    """

    kind: Literal["policy_gradient"] = "policy_gradient"
    epsilon: float = 0.2
    epsilon_high: float = 0.2
    importance_sampling_level: Literal["token", "sequence"] = "token"
    importance_sampling_cap: float | None = Field(default=None, gt=0)
    shaping: float | None = Field(default=None, ge=0)
    least_logprob: float | None = None
    entropy: float = 0.0


class Divergence(Value):
    """Divergence of the student's next-token distribution from a teacher's.

    S is the student under `prompt`, T the teacher under `teacher_prompt`, at the same tokens.
    `against` base, T is the run's first version under `prompt`: the anchor to a reference policy.

    forward: KL(T||S); reverse: KL(S||T); jsd: beta KL(T||M) + (1-beta) KL(S||M) with
    M = (1-beta) S + beta T; cross_entropy: -sum T log S, forward with another constant.

    `top_k` 0 uses the whole vocabulary. Otherwise only k words of it, the likeliest of the
    `support`: the student's (default for reverse and jsd), the teacher's (for the others) or those
    that are among both. What is outside becomes one more word (`tail` bucket), is divided out of
    both (renormalise), or is forgotten (none). None is BIASED, and there to show that: reverse
    drains the head even where S = T, and cross_entropy, in which it divides the teacher's mass
    alone, sharpens. With `stop_gradient` the log-ratio of reverse is a constant, which mends it.

    `estimator` full sums over the vocabulary, at temperature 1. The others have no direction and
    look at the sampled token alone, at the temperature that it was sampled at: sampled is REINFORCE
    for KL(S||T), -sg[log T - log S] log S; k3 is T/S - 1 - log(T/S), whose mean gradient is that of
    KL(T||S) and, with `ratio`, of KL(S||T).
    `ratio` multiplies by S over the sampler's, live. Where a token's probability has fallen by more
    than `band` since it was sampled, it does not train. `ratio_penalty` times (log ratio)^2 is
    added.

    `clip` bounds the sum over the vocabulary at a token, never its terms; of estimates it bounds
    sampled's log-ratio and k3's value. The first `skip_first`
    tokens of an answer, where a privileged teacher opens otherwise, do not train. `future` is the
    discount at which a token answers for the divergence of later ones, which it leads to (DistIL,
    2606.05152): + log S(y_t) sg[sum over s > t of future^(s-t) (D_s - b_t)]. With `baseline` b_t is
    the mean of D up to t, which the token has no part in; else 0.
    """

    kind: Literal["divergence"] = "divergence"
    direction: Literal["forward", "reverse", "jsd", "cross_entropy"] = "forward"
    beta: float = Field(default=0.5, gt=0, lt=1)
    top_k: int = Field(default=0, ge=0)
    support: Literal["own", "student", "teacher", "both"] = "own"
    tail: Literal["bucket", "renormalise", "none"] = "bucket"
    stop_gradient: bool = False
    clip: float | None = Field(default=None, gt=0)
    estimator: Literal["full", "sampled", "k3"] = "full"
    ratio: bool = False
    band: float | None = Field(default=None, ge=0)
    ratio_penalty: float = Field(default=0.0, ge=0)
    skip_first: int = Field(default=0, ge=0)
    future: float = Field(default=0.0, ge=0, le=1)
    baseline: bool = False
    against: Literal["teacher", "base"] = "teacher"

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.stop_gradient and (self.direction, self.estimator) != ("reverse", "full"):
            raise ValueError("stop_gradient is only for the reverse direction in full")
        if self.estimator == "full" and (self.ratio or self.band is not None or self.ratio_penalty):
            raise ValueError("ratio, band and ratio_penalty are for sampled estimators")
        return self


class Preference(Value):
    """DPO (Rafailov et al. 2305.18290, eq. 7) over a pair: `tokens` is the better answer.

    `-log sigmoid(beta ([log pi - log ref](tokens) - [log pi - log ref](rejected)))`, log-probs
    SUMMED over each answer; ref are the learner's own at the beginning of the round. `nll` times
    the mean negative log-likelihood of the better answer is added (RPO); weights of 0 keep tokens
    out of that mean. The loss is averaged over pairs; the largest of `weights` is the pair's.
    """

    kind: Literal["preference"] = "preference"
    beta: float = Field(default=0.1, gt=0)
    nll: float = Field(default=0.0, ge=0)


class Valuation(Value):
    """Squared error `w (pi(y) - target)^2`: the probability of a token is a value in [0, 1].

    The regression of a value model (ReST-MCTS*, Zhang et al. 2406.03816), its head being a word.
    """

    kind: Literal["value"] = "value"


class ImplicitNegative(Value):
    """Negative-aware fine-tuning (NFT, Chen et al. 2505.18116, token level).

    With R the ratio of a token to the policy that said it and r the question's solve rate
    (`target`): `-w log R` where w > 0, a right answer, and `-|w| log max((1 - r R)/(1 - r),
    epsilon)` where w < 0, a wrong one. The maximum is straight-through: its gradient passes.
    |w| = sqrt((1 - r)/r) makes it GRPO when strictly on-policy, |w| = 1 - r Dr. GRPO.
    """

    kind: Literal["nft"] = "nft"
    epsilon: float = Field(default=1.0, gt=0)


Loss = Annotated[
    CrossEntropy | PolicyGradient | Divergence | Preference | Valuation | ImplicitNegative,
    Field(discriminator="kind"),
]


class Sample(Value):
    """One answer to learn from. `tokens`, `logprobs` and `weights` have one length.

    `weights` multiply the loss of each token (advantage, or SFT weight); 0 masks it. `logprobs`
    is empty where nothing was logged under this prompt: the learner takes its own at the beginning
    of the round, so that a ratio starts at 1.
    `source` is the seq of the event that the tokens came from, `teacher_source` of the lesson.
    `policy_version` is the version that said the tokens, none where nobody sampled them, and
    `temperature` the one that they were sampled at.
    `rejected` is the worse answer of a pair; `target` a label in [0, 1]: of a value, or the solve
    rate of the question.
    """

    role: Role
    policy_version: int | None
    source: int
    prompt: tuple[int, ...] = Field(min_length=1)
    tokens: tuple[int, ...] = Field(min_length=1)
    logprobs: tuple[float, ...]
    weights: tuple[float, ...]
    loss: Loss
    temperature: float = Field(default=1.0, gt=0)
    teacher_prompt: tuple[int, ...] | None = None
    teacher_source: int | None = None
    rejected: tuple[int, ...] | None = Field(default=None, min_length=1)
    target: float | None = Field(default=None, ge=0, le=1)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        lengths = (len(self.tokens), len(self.logprobs or self.tokens), len(self.weights))
        if len(set(lengths)) > 1:
            raise ValueError(
                f"the sample of event {self.source} has {lengths} tokens, logprobs and weights; "
                "they must be as many"
            )
        missing = self._missing()
        if missing:
            raise ValueError(f"the {self.loss.kind} at event {self.source} has no {missing}")
        return self

    def _missing(self) -> str:
        """Return the name of a field that the loss needs and is not there."""
        match self.loss:
            case Divergence(against="teacher") if not self.teacher_prompt:
                return "teacher_prompt"
            case Preference() if self.rejected is None:
                return "rejected answer"
            case Valuation() | ImplicitNegative() if self.target is None:
                return "target"
            case _:
                return ""

    @cached_property
    def live(self) -> tuple[bool, ...]:
        """Which tokens train: those that are not masked."""
        skipped = self.loss.skip_first if isinstance(self.loss, Divergence) else 0
        return tuple(weight != 0 and at >= skipped for at, weight in enumerate(self.weights))

    @property
    def trained(self) -> int:
        """How many tokens train."""
        return sum(self.live)

    @property
    def family(self) -> str:
        """The losses with which it shares a denominator: its kind's; anchors are their own."""
        based = isinstance(self.loss, Divergence) and self.loss.against == "base"
        return "anchor" if based else self.loss.kind

    @property
    def share(self) -> int:
        """What it adds to that denominator: its trained tokens; a pair is one."""
        return min(self.trained, 1) if isinstance(self.loss, Preference) else self.trained


@dataclass(frozen=True, slots=True)
class Dropped:
    """Events that do not train, and the reason."""

    role: Role
    reason: str
    sources: tuple[int, ...]
