"""Vote: nobody knows the answer; the one that most attempts give counts as right.

Self-consistency as a label: LMSI (Huang et al. 2022, 2210.11610) imitates what agrees with the
majority; SRT (Shafayat et al. 2025, 2505.21444) and TTRL reward it; R-Zero (2508.05004) and Agent0
(2511.16043) pay it as they would pay the truth. What cannot be parsed does not vote. The share of
the majority can never be below 1/n.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from simctl.agents.rewards import ANSWER_REWARDS, Answered, AnswerReward
from simctl.agents.scene import Scene, Score, Tried
from simctl.agents.tasks.environment import answer_of
from simctl.agents.turns.scorers.scorer import Scorer


class Vote(Scorer):
    """Agreement with the majority of the group is the reward."""

    kind: Literal["vote"] = "vote"
    reward: AnswerReward = Field(
        default="correct", description="what it is worth to agree with the majority, or not to"
    )
    soft: bool = Field(
        default=False, description="reward the share of votes for the answer, not only the majority"
    )
    least_share: float = Field(
        default=0.0, ge=0, le=1, description="without so large a majority nobody agrees with it"
    )

    async def score(self, scene: Scene, tried: Sequence[Tried]) -> list[Score]:
        """Return what each attempt earns; the part `share` is that of its own answer."""
        answers = [answer_of(scene.env, each.text) for each in tried]
        votes = Counter(answer for answer in answers if answer)
        winner, most = majority(votes)
        share = most / len(tried)
        scores = []
        for answer in answers:
            own = votes[answer] / len(tried) if answer else 0.0
            agrees = float(answer == winner and answer != "" and share >= self.least_share)
            parts = {"vote": agrees, "share": own, "majority": share}
            answered = Answered(correct=agrees == 1.0, formed=answer != "")
            worth = own if self.soft else ANSWER_REWARDS[self.reward](answered)
            scores.append(Score(agrees, worth, parts))
        return scores


def majority(votes: Counter[str]) -> tuple[str, int]:
    """Return the answer with most votes and their number; of equals the first in the alphabet."""
    return min(votes.items(), key=lambda each: (-each[1], each[0]), default=("", 0))
