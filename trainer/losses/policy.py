"""Losses of what was sampled and graded: policy gradients, and NFT's likelihoods.

All of them are of single tokens (N), with advantages or signed weights.
"""

import torch
from torch import Tensor

from simctl.trainer.losses.answers import sum_rows
from simctl.trainer.sample import ImplicitNegative, PolicyGradient

MAX_LOG_RATIO = 20.0  # beyond this a ratio is as good as infinite, and exp would overflow
UNLIKELY = 0.01  # a bad token of another author that is less likely than this is bad no more
SOLVE_RATES = 0.02, 0.98  # NFT's bounds, so that no question's negatives weigh without limit


def log_ratios(logprobs: Tensor, logged: Tensor, row: Tensor, loss: PolicyGradient) -> Tensor:
    """Return the log of the importance ratio of each token to the policy that said it.

    On the level of sequences it is the mean over the answer (GSPO, Zheng et al. 2507.18071, eq. 7).
    """
    ratios = logprobs - logged
    if loss.importance_sampling_level == "sequence":
        rows = int(row.max()) + 1
        sums = sum_rows(ratios, row, rows)
        counts = sum_rows(torch.ones_like(ratios), row, rows)
        ratios = (sums / counts)[row]
    return ratios.clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO)


def policy_gradient(log_ratio: Tensor, weights: Tensor, loss: PolicyGradient) -> Tensor:
    """Return PPO's clipped surrogate of each token (Schulman et al. 1707.06347, eq. 7), negated."""
    ratio = log_ratio.exp()
    clipped = ratio.clamp(1 - loss.epsilon, 1 + loss.epsilon_high)
    return -torch.minimum(ratio * weights, clipped * weights)


def shaped(logprobs: Tensor, weights: Tensor, gamma: float) -> Tensor:
    """Return the loss of tokens that another than the policy wrote: `-A pi / (sg[pi] + gamma)`.

    The policy's ratio to an author that it does not know (ThinkTuning, 2508.07616).
    """
    chance = logprobs.exp()
    surrogate = -weights * chance / (chance.detach() + gamma)
    return torch.where((weights < 0) & (chance.detach() < UNLIKELY), 0.0, surrogate)


def importance(own: Tensor, logged: Tensor) -> Tensor:
    """Return the ratio of the learner's probability to the sampler's, on the same weights."""
    return (own - logged).clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO).exp().detach()


def implicit_negative(
    log_ratio: Tensor, weights: Tensor, solved: Tensor, loss: ImplicitNegative
) -> Tensor:
    """Return NFT's loss of each token (2505.18116); `solved` (N) is its question's solve rate."""
    rate = solved.clamp(*SOLVE_RATES)
    ratio = log_ratio.clamp(max=MAX_LOG_RATIO).exp()
    negative = (1 - rate * ratio) / (1 - rate)
    # straight-through: beyond the bound the value stays and the gradient goes on
    bounded = negative.clamp(min=loss.epsilon).detach() + (negative - negative.detach())
    return weights.abs() * torch.where(weights > 0, -log_ratio, -bounded.log())
