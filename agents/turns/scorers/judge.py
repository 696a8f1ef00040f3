"""Judge: the critic, who sees no reference, says whether an attempt is right.

LLM-as-a-judge by the same policy (Self-Rewarding, Yuan et al. 2024, 2401.10020; SSR-Zero,
2505.16637): the reward is the share of `judgements` that find no fault. Each judgement is graded
too: against the verifier, or, where nobody may know the truth, against the majority of its fellows
(a stand-in for the meta-judge of Meta-Rewarding, Wu et al. 2024, 2407.19594).
"""

from collections.abc import Sequence
from statistics import fmean
from typing import Literal

from pydantic import Field

from simctl.agents.scene import Marked, Scene, Score, Tried, expect
from simctl.agents.tasks.environment import Grade
from simctl.agents.turns.criticise import Check, ask_critics
from simctl.agents.turns.scorers.scorer import Scorer
from simctl.bus.answers import CritiqueWritten


class Judge(Scorer):
    """The critic's verdict is the reward."""

    kind: Literal["judge"] = "judge"
    judgements: int = Field(default=1, ge=1, description="judgements of each attempt; their mean")
    judged_by: Literal["verifier", "majority"] = Field(
        default="verifier", description="what pays the critic for a judgement"
    )
    reference: bool = Field(default=False, description="the teacher judges, who sees the reference")

    async def score(self, scene: Scene, tried: Sequence[Tried]) -> list[Score]:
        """Return the share of judgements that clear each attempt, as reward and as `judged`."""
        attempts = [Marked(event=each.event.seq, attempt=each.text, right=0.0) for each in tried]
        role: Literal["teacher", "critic"] = "teacher" if self.reference else "critic"
        checks = await ask_critics(scene, attempts, role=role, n=self.judgements)
        scores = []
        for each, said in zip(tried, checks, strict=True):
            share = fmean(expect(c.event, CritiqueWritten).verdict for c in said)
            self._pay(scene, each, said, share, role)
            scores.append(Score(share, share, {"judged": share}))
        return scores

    def _pay(
        self,
        scene: Scene,
        tried: Tried,
        said: Sequence[Check],
        share: float,
        role: Literal["teacher", "critic"],
    ) -> None:
        truth = tried.truth.parts["correct"] == 1.0
        majority = share > 0.5  # noqa: PLR2004 - more than half of them
        wanted = truth if self.judged_by == "verifier" else majority
        scene.stage.grade(
            *(
                scene.grade(
                    check.event,
                    role,
                    Grade(
                        parts={
                            "verdict": float(check.verdict == truth),
                            "agrees": float(check.verdict == majority),
                        }
                    ),
                    float(check.verdict == wanted),
                )
                for check in said
            )
        )
