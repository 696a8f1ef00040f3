"""Samples: all that a learner ever sees. Token ids only, never text."""

from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from simctl.bus.asks import Role
from simctl.bus.values import Value


class CrossEntropy(Value):
    """Weighted negative log-likelihood: `-w_t log pi(y_t)`."""

    kind: Literal["cross_entropy"] = "cross_entropy"


class PolicyGradient(Value):
    """Clipped importance-weighted policy gradient (PPO/GRPO); `weights` are advantages."""

    kind: Literal["policy_gradient"] = "policy_gradient"
    epsilon: float = 0.2
    epsilon_high: float = 0.2
    importance_sampling_level: Literal["token", "sequence"] = "token"


class Divergence(Value):
    """Divergence of the student's next-token distribution from the teacher's.

    S is the student under `prompt`, T the teacher under `teacher_prompt`, at the same tokens.
    forward: KL(T||S); reverse: KL(S||T); jsd: beta KL(T||M) + (1-beta) KL(S||M) with
    M = (1-beta) S + beta T. `top_k` 0 uses the whole vocabulary; otherwise the support is the
    student's (reverse, jsd) or the teacher's (forward) top k, with the rest in one tail bucket.
    `clip` bounds the sum over the vocabulary at a token, never its terms.
    """

    kind: Literal["divergence"] = "divergence"
    direction: Literal["forward", "reverse", "jsd"] = "forward"
    beta: float = Field(default=0.5, gt=0, lt=1)
    top_k: int = Field(default=0, ge=0)
    clip: float | None = Field(default=None, gt=0)


Loss = Annotated[CrossEntropy | PolicyGradient | Divergence, Field(discriminator="kind")]


class Sample(Value):
    """One answer to learn from. `tokens`, `logprobs` and `weights` have one length.

    `weights` multiply the loss of each token (advantage, or SFT weight); 0 masks it.
    `source` is the seq of the event that the tokens came from, `teacher_source` of the lesson.
    `policy_version` is the version that said the tokens, none where nobody sampled them, and
    `temperature` the one that they were sampled at.
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

    @model_validator(mode="after")
    def _fits(self) -> Self:
        lengths = (len(self.tokens), len(self.logprobs), len(self.weights))
        if len(set(lengths)) > 1:
            raise ValueError(
                f"the sample of event {self.source} has {lengths} tokens, logprobs and weights; "
                "they must be as many"
            )
        if isinstance(self.loss, Divergence) and not self.teacher_prompt:
            raise ValueError(f"the divergence at event {self.source} has no teacher_prompt")
        return self

    @property
    def trained(self) -> int:
        """How many tokens train: those that are not masked."""
        return sum(weight != 0 for weight in self.weights)


@dataclass(frozen=True, slots=True)
class Dropped:
    """Events that do not train, and the reason."""

    role: Role
    reason: str
    sources: tuple[int, ...]
