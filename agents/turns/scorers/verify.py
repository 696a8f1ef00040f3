"""Verify: an attempt is worth what the task's own verifier says."""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from simctl.agents.rewards import ANSWER_REWARDS, Answered, AnswerReward
from simctl.agents.scene import Scene, Score, Tried
from simctl.agents.tasks.environment import answer_of
from simctl.agents.turns.scorers.scorer import Scorer


class Verify(Scorer):
    """The verifier's verdict is the reward."""

    kind: Literal["verify"] = "verify"
    reward: AnswerReward = Field(default="correct", description="what a verdict is worth")

    async def score(self, scene: Scene, tried: Sequence[Tried]) -> list[Score]:
        """Return what each verdict is worth."""
        return [Score(self._worth(scene, each)) for each in tried]

    def _worth(self, scene: Scene, tried: Tried) -> float:
        parts = tried.truth.parts
        answered = Answered(
            correct=parts["correct"] == 1.0,
            formed=answer_of(scene.env, tried.text) != "",
            coverage=parts.get("coverage", parts.get("progress", 0.0)),
        )
        return ANSWER_REWARDS[self.reward](answered)
