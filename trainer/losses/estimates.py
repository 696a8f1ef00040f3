"""Divergences estimated at the sampled tokens alone, and what earlier tokens answer for.

With d = log S - log T at the token: its value estimates KL(S||T), and what its gradient is in the
mean is said of each. Schulman's k1 as a loss has none, so it is REINFORCE here.
"""

from itertools import accumulate

import torch
from torch import Tensor

from simctl.trainer.losses.policy import MAX_LOG_RATIO
from simctl.trainer.sample import Divergence


def estimate(student: Tensor, teacher: Tensor, old: Tensor, loss: Divergence) -> Tensor:
    """Return the estimate at each token from log-probabilities (N); `old` are the sampler's.

    sampled: rho sg[d], whose mean gradient is that of KL(S||T). k3: exp(-d) - 1 + d, whose mean
    gradient is that of KL(T||S), or of KL(S||T) when rho multiplies it.
    """
    log_ratio = (student - old).clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO)
    gap = (student - teacher.detach()).clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO)
    if loss.estimator == "sampled":
        # without a ratio it is 1, as on the sampler's own weights, and its gradient is kept
        ratio = log_ratio.exp() if loss.ratio else (student - student.detach()).exp()
        bound = MAX_LOG_RATIO if loss.clip is None else loss.clip
        each = ratio * gap.detach().clamp(-bound, bound)
    else:
        each = torch.expm1(-gap) + gap
        each = each if loss.clip is None else each.clamp(max=loss.clip)
        each = each * log_ratio.exp() if loss.ratio else each
    if loss.band is not None:
        each = each * (student.detach().exp() - old.exp() >= -loss.band)
    return each + loss.ratio_penalty * log_ratio.square() if loss.ratio_penalty else each


def blame(costs: Tensor, row: Tensor, loss: Divergence) -> Tensor:
    """Return what each token answers for of the costs (N) of later ones in its answer.

    The sum over s > t of future^(s-t) (c_s - b_t): the gradient of a whole trajectory's cost also
    has that of choosing the prefixes (hazard N16; DistIL, 2606.05152). `baseline` takes for b_t the
    mean of c up to t, which the token had no part in.
    """
    found: list[float] = []
    for here in torch.unique_consecutive(row):
        kept: list[float] = costs[row == here].tolist()
        means = [sum_ / at for at, sum_ in enumerate(accumulate(kept), 1)]
        total, count, answer = 0.0, 0.0, list[float]()
        for cost, mean in zip(reversed(kept), reversed(means), strict=True):
            answer.append(total - count * mean if loss.baseline else total)
            total, count = loss.future * (cost + total), loss.future * (1 + count)
        found += reversed(answer)
    return torch.tensor(found, dtype=costs.dtype)
