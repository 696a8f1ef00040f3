"""Judges: how the critic rates what was written, as a log-probability, in nats."""

import math
from collections.abc import Sequence
from typing import Literal

from simctl.agents.critic import FAULT, accepted
from simctl.agents.inference.desk import Desk
from simctl.agents.policy.sampler import Completion
from simctl.bus.asks import Sampling

Judge = Literal["value", "critique"]
_LEAST = 1e-6  # a rating of 0 would outweigh everything else


async def rate(judge: Judge, desk: Desk, partials: Sequence[str], greedy: Sampling) -> list[float]:
    """Return a rating in (0, 1] of each partial solution, as a log.

    `value` is the critic's trained value and costs one token. `critique` is the share of the steps
    that a greedy critique accepts before its first fault: it needs no value training, and costs
    about as much as what it checks.
    """
    if judge == "value":
        return await desk.values(partials)
    said = await desk.critique(partials, greedy)
    shares = [
        min(accepted(each.text) / max(len(desk.steps(partial)), 1), 1.0)
        for each, partial in zip(said, partials, strict=True)
    ]
    return [math.log(max(share, _LEAST)) for share in shares]


def acceptance(critique: Completion) -> float:
    """Return the critic's probability of accepting, as far as one critique of it tells.

    All other critiques are unseen. With p the probability of this one, that of accepting is in
    [p, 1] if it accepts and in [0, 1 - p] if it does not: this is the middle.
    """
    p = math.exp(sum(critique.logprobs))
    return (1 - p) / 2 if FAULT in critique.text else (1 + p) / 2
