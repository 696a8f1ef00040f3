"""Verify: an attempt is worth what the task's own verifier says."""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from simctl.agents.rewards import ANSWER_REWARDS, Answered, AnswerReward
from simctl.agents.scene import Scene, Score, Tried
from simctl.agents.tasks.environment import Grade, answer_of
from simctl.agents.turns.scorers.scorer import Scorer


class Verify(Scorer):
    """The verifier's verdict is the reward."""

    kind: Literal["verify"] = "verify"
    reward: AnswerReward = Field(default="correct", description="what a verdict is worth")
    shares: bool = Field(
        default=False, description="also say what share of the group gives the same answer"
    )

    async def score(self, scene: Scene, tried: Sequence[Tried]) -> list[Score]:
        """Return what each verdict is worth."""
        answers = [answer_of(scene.env, each.text) for each in tried]
        return [
            Score(
                each.truth.parts["correct"],
                worth(self.reward, each.truth, formed=answer != ""),
                {"share": answers.count(answer) / len(answers)} if self.shares else {},
            )
            for each, answer in zip(tried, answers, strict=True)
        ]


def worth(reward: AnswerReward, truth: Grade, *, formed: bool) -> float:
    """Return what a verdict is worth; an answer that can be read at all is `formed`."""
    answered = Answered(
        correct=truth.parts["correct"] == 1.0,
        formed=formed,
        coverage=truth.parts.get("coverage", truth.parts.get("progress", 0.0)),
    )
    return ANSWER_REWARDS[reward](answered)
