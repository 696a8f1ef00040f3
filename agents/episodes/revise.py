"""Revise: the solver attempts, somebody remarks on the attempt, and the solver tries once more.

Who remarks is the difference between the loops: the critic (RLTF, 2602.02482; Critic-CoT,
2408.16326; Self-Refine, 2303.17651), a bare verdict (SD-Zero, 2604.12002), a teacher who sees the
reference (SCRIT, 2501.05727; ThinkTuning, 2508.07616), another attempt (Multiagent Finetuning,
2501.05707), or nobody (SCoRe, 2409.12917). So is what pays the critic: being right, or what comes
of its remark (Reflect-Retry-Reward, 2505.24726).
"""

from collections.abc import Sequence
from statistics import fmean
from typing import Literal

from pydantic import Field

from simctl.agents.curriculum import Start
from simctl.agents.practice import Practice
from simctl.agents.rewards import VERDICT_REWARDS, Judged, RevisionReward
from simctl.agents.scene import Marked, Scene
from simctl.agents.stage import Stage
from simctl.agents.tasks.environment import Environment
from simctl.agents.turns.criticise import Check, ask_critics, pay_critics, verified
from simctl.agents.turns.revise import revise
from simctl.agents.turns.view import RIGHT, WRONG
from simctl.bus.messages import EpisodeEnded


class Revise(Practice):
    """The solver revises its attempts, with what somebody remarks on them."""

    kind: Literal["revise"] = "revise"
    remarks: Literal["critic", "teacher", "verdict", "fellow", "none"] = Field(
        default="critic",
        description="the critic's, a teacher's who sees the reference, the verifier's one bit, "
        "another attempt, or nobody's",
    )
    revise: Literal["failed", "flagged", "all"] = Field(
        default="failed", description="attempts that are revised; flagged: those remarked upon"
    )
    turns: int = Field(
        default=2,
        ge=1,
        description="attempts at a task, with the first; a stored one is revised anyway",
    )
    revisions: int = Field(default=1, ge=1, description="revisions of each attempt in each turn")
    revision_reward: RevisionReward = Field(
        default="correct", description="what a revision is worth"
    )
    critic_reward: Literal["exact", "verdict", "retry", "correction", "s2r"] = Field(
        default="exact",
        description="exact: word for word; verdict: right or wrong; retry: a failure was mended; "
        "correction: a fault was found and mended, or a right attempt let pass; s2r: +-1, twice "
        "that for right attempts",
    )

    async def play(self, stage: Stage, env: Environment, start: Start) -> EpisodeEnded:
        """Draw a problem, let the solver attempt it, and revise its attempts turn by turn."""
        scene = await self.drawn(stage, env, start)
        attempts = [_stored(scene, start)] if start.attempt else await self.work(scene, start)
        last = max(self.turns, 2) if start.attempt else self.turns
        for turn in range(2, last + 1):
            attempts = await self.again(scene, attempts, turn)
        return EpisodeEnded(outcome="completed")

    async def again(self, scene: Scene, attempts: Sequence[Marked], turn: int) -> list[Marked]:
        """Revise the attempts that are to be revised, with remarks; return the revisions."""
        due = [each for each in attempts if self.revise != "failed" or not each.solved]
        checks = await self.checks(scene, due)
        if self.revise == "flagged":
            await self.pay(scene, [each for each in checks if each.verdict], [])
            checks = [each for each in checks if not each.verdict]
            due = [each.of for each in checks]
        texts = [each.text for each in checks] or [self.remark(each, attempts) for each in due]
        revised = await revise(
            scene,
            due,
            texts,
            self.scorer,
            n=self.revisions,
            turn=turn,
            reward=self.revision_reward,
        )
        await self.pay(scene, checks, revised)
        return [each for group in revised for each in group]

    async def checks(self, scene: Scene, attempts: Sequence[Marked]) -> list[Check]:
        """Let the critic, or the teacher, remark on attempts."""
        if self.remarks not in {"critic", "teacher"}:
            return []
        role: Literal["critic", "teacher"] = "teacher" if self.remarks == "teacher" else "critic"
        return [check for [check] in await ask_critics(scene, attempts, role=role)]

    def remark(self, attempt: Marked, attempts: Sequence[Marked]) -> str:
        """Return what is said of an attempt without asking anybody."""
        match self.remarks:
            case "verdict":
                return RIGHT if attempt.solved else WRONG
            case "fellow":
                others = (each.attempt for each in attempts if each.attempt != attempt.attempt)
                return next(others, "")
            case _:
                return ""

    async def pay(
        self, scene: Scene, checks: Sequence[Check], revised: Sequence[Sequence[Marked]]
    ) -> None:
        """Pay those who remarked, for being right or for what came of it."""
        if not checks:
            return
        pairs = zip(checks, revised or [()] * len(checks), strict=True)
        await pay_critics(scene, checks, [self.worth(scene, *each) for each in pairs])

    def worth(self, scene: Scene, check: Check, after: Sequence[Marked]) -> float:
        """Return what a remark earns, `after` being the revisions that it led to."""
        mended = fmean(each.right for each in after) if after else 0.0
        match self.critic_reward:
            case "retry":
                return 0.0 if check.of.solved else mended
            case "correction":
                return float(check.verdict) if check.of.solved else mended * (not check.verdict)
            case "s2r":
                return VERDICT_REWARDS["s2r"](Judged(verdict=check.verdict, truth=check.of.solved))
            case part:
                return verified(scene, check).parts[part]


def _stored(scene: Scene, start: Start) -> Marked:
    """Return the attempt that an episode goes on from (ExIt, 2509.04575: one step of a history)."""
    grade = scene.env.grade_attempt(scene.task.problem, start.attempt)
    return Marked(
        event=scene.task.task,
        attempt=start.attempt,
        right=grade.parts["correct"],
        progress=grade.parts.get("progress", 0.0),
    )
