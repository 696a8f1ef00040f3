"""Likelihood: an attempt is worth what the policy itself finds probable.

Sharpening (Huang et al. 2024, 2412.01951): the self-reward is the log-probability of the answer.
Here it is the mean over its tokens, mapped to (0, 1] by exp, so that no length is preferred.
"""

import math
from collections.abc import Sequence
from statistics import fmean
from typing import Literal

from simctl.agents.scene import Scene, Score, Tried
from simctl.agents.turns.scorers.scorer import Scorer


class Likelihood(Scorer):
    """The policy's own probability of an answer is the reward."""

    kind: Literal["likelihood"] = "likelihood"

    async def score(self, scene: Scene, tried: Sequence[Tried]) -> list[Score]:
        """Return the geometric mean of the token probabilities, as reward and as `likelihood`."""
        del scene
        return [_scored(each) for each in tried]


def _scored(tried: Tried) -> Score:
    said = tried.event.utterance
    found = math.exp(fmean(said.logprobs)) if said is not None and said.logprobs else 0.0
    return Score(found, found, {"likelihood": found})
