"""Losses of single tokens, in torch. Sums and denominators are the learner's.

Tokens are flat: the answers of a micro-batch one after the other, `row` saying whose a token is.
Shapes: N tokens, V words, K words of a support.
"""

import math

import torch
from torch import Tensor

from simctl.trainer.sample import Divergence, PolicyGradient

MAX_LOG_RATIO = 20.0  # beyond this a ratio is as good as infinite, and exp would overflow
TAIL_FLOOR = -1e-7  # a head that holds all mass leaves the tail this much, so that log is finite


def token_logprobs(logits: Tensor, ids: Tensor) -> Tensor:
    """Return the log-probability of each token id (N) under its logits (N, V)."""
    return torch.log_softmax(logits, dim=-1).gather(1, ids[:, None])[:, 0]


def cross_entropy(logprobs: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted negative log-likelihood of each token."""
    return -weights * logprobs


def log_ratios(logprobs: Tensor, logged: Tensor, row: Tensor, loss: PolicyGradient) -> Tensor:
    """Return the log of the importance ratio of each token to the policy that said it.

    On the level of sequences it is the mean over the answer (GSPO, Zheng et al. 2507.18071, eq. 7).
    """
    ratios = logprobs - logged
    if loss.importance_sampling_level == "sequence":
        rows = int(row.max()) + 1
        sums = torch.zeros(rows, dtype=ratios.dtype).index_add(0, row, ratios)
        counts = torch.zeros(rows, dtype=ratios.dtype).index_add(0, row, torch.ones_like(ratios))
        ratios = (sums / counts)[row]
    return ratios.clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO)


def policy_gradient(log_ratio: Tensor, weights: Tensor, loss: PolicyGradient) -> Tensor:
    """Return PPO's clipped surrogate of each token (Schulman et al. 1707.06347, eq. 7), negated."""
    ratio = log_ratio.exp()
    clipped = ratio.clamp(1 - loss.epsilon, 1 + loss.epsilon_high)
    return -torch.minimum(ratio * weights, clipped * weights)


def divergence(student: Tensor, teacher: Tensor, loss: Divergence) -> Tensor:
    """Return the divergence at each token from logits (N, V) of both; no gradient to the teacher.

    Equal logits give exactly 0, and so does the gradient.
    """
    s, t = torch.log_softmax(student, -1), torch.log_softmax(teacher.detach(), -1)
    if 0 < loss.top_k < student.shape[-1]:
        chooser = t if loss.direction == "forward" else s.detach()
        support = chooser.topk(loss.top_k, dim=-1).indices
        s, t = with_tail(s.gather(1, support)), with_tail(t.gather(1, support))
    match loss.direction:
        case "forward" | "cross_entropy":
            each = relative_entropy(t, s)
        case "reverse":
            each = relative_entropy(s, t)
        case "jsd":
            middle = mixture(s, t, loss.beta)
            to_teacher, to_student = relative_entropy(t, middle), relative_entropy(s, middle)
            each = loss.beta * to_teacher + (1 - loss.beta) * to_student
    total = each.sum(-1)
    return total if loss.clip is None else total.clamp(max=loss.clip)


def relative_entropy(p: Tensor, q: Tensor) -> Tensor:
    """Return the terms of KL(p||q) from log-probabilities (N, K).

    The terms -p + q sum to 0 and change no gradient; with them each term is at least 0 and its
    gradient vanishes where p = q, which rounding would else prevent.
    """
    return p.exp() * (p - q) - p.exp() + q.exp()


def mixture(s: Tensor, t: Tensor, beta: float) -> Tensor:
    """Return log((1 - beta) S + beta T), and exactly S where both are equal."""
    gap = t - s
    from_student = s + torch.log1p(beta * torch.expm1(gap.clamp(max=0)))
    from_teacher = t + torch.log1p((1 - beta) * torch.expm1((-gap).clamp(max=0)))
    return torch.where(gap <= 0, from_student, from_teacher)


def with_tail(head: Tensor) -> Tensor:
    """Append the log-probability of everything outside the head (N, K) as one more word."""
    mass = torch.logsumexp(head, dim=-1, keepdim=True).clamp(max=TAIL_FLOOR)
    return torch.cat([head, torch.log(-torch.expm1(mass))], dim=-1)


def entropy(logits: Tensor) -> Tensor:
    """Return the entropy at each token in nats."""
    logprobs = torch.log_softmax(logits, dim=-1)
    return -(logprobs.exp() * logprobs).sum(-1)


def is_finite(value: Tensor) -> bool:
    """Tell whether a number is neither infinite nor NaN."""
    return math.isfinite(float(value))
