"""Divergences of next-token distributions, over the vocabulary or the words of a support."""

import torch
from torch import Tensor

from simctl.trainer.sample import Divergence

TAIL_FLOOR = -1e-7  # a head that holds all mass leaves the tail this much, so that log is finite
ABSENT = -1e4  # the log-probability of a word that is outside the support: exp gives 0
NOTHING = -100.0  # and of a support without any word in it


def divergence(student: Tensor, teacher: Tensor, loss: Divergence) -> Tensor:
    """Return the divergence at each token from logits (N, V) of both; no gradient to the teacher.

    Equal logits give exactly 0, and so does the gradient; not so with tail none.
    """
    s, t = torch.log_softmax(student, -1), torch.log_softmax(teacher.detach(), -1)
    whole = not 0 < loss.top_k < student.shape[-1]
    if not whole:
        s, t = _heads(s, t, loss)
    proper = whole or loss.tail != "none"
    match loss.direction:
        case "forward":
            each = relative_entropy(t, s, proper=proper)
        case "reverse" if loss.stop_gradient:
            each = s.exp() * (s - t).detach()
        case "reverse":
            each = relative_entropy(s, t, proper=proper)
        case "cross_entropy":
            each = relative_entropy(t, s, proper=proper) - t.exp() * t
        case "jsd":
            middle = mixture(s, t, loss.beta)
            to_teacher = relative_entropy(t, middle, proper=proper)
            to_student = relative_entropy(s, middle, proper=proper)
            each = loss.beta * to_teacher + (1 - loss.beta) * to_student
    total = each.sum(-1)
    return total if loss.clip is None else total.clamp(max=loss.clip)


def relative_entropy(p: Tensor, q: Tensor, *, proper: bool = True) -> Tensor:
    """Return the terms of KL(p||q) from log-probabilities (N, K).

    Where both are `proper` and sum to 1, the terms -p + q sum to 0 and change no gradient; with
    them each term is at least 0 and its gradient vanishes where p = q, which rounding would else
    prevent.
    """
    terms = p.exp() * (p - q)
    return terms - p.exp() + q.exp() if proper else terms


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


def renormalised(head: Tensor) -> Tensor:
    """Return the log-probabilities (N, K) given that the word is one of the head."""
    return head - torch.logsumexp(head, dim=-1, keepdim=True).clamp(min=NOTHING)


def _heads(s: Tensor, t: Tensor, loss: Divergence) -> tuple[Tensor, Tensor]:
    """Cut log-probabilities (N, V) of both down to the words of the support."""
    own = "teacher" if loss.direction in {"forward", "cross_entropy"} else "student"
    chooser = t if (loss.support if loss.support != "own" else own) == "teacher" else s.detach()
    words = chooser.topk(loss.top_k, dim=-1).indices
    outside = torch.zeros_like(words, dtype=torch.bool)
    if loss.support == "both":
        theirs = t.topk(loss.top_k, dim=-1).indices
        outside = (words[:, :, None] != theirs[:, None, :]).all(-1)
    s = s.gather(1, words).masked_fill(outside, ABSENT)
    t = t.gather(1, words).masked_fill(outside, ABSENT)
    match loss.tail:
        case "bucket":
            return with_tail(s), with_tail(t)
        case "renormalise":
            return renormalised(s), renormalised(t)
        case "none":
            return s, renormalised(t) if loss.direction == "cross_entropy" else t
