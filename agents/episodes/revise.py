"""Revise: the solver attempts, somebody remarks on the attempt, and the solver tries once more.

Who remarks is the difference between the loops: the critic (RLTF, 2602.02482; Critic-CoT,
2408.16326; Self-Refine, 2303.17651), a bare verdict (SD-Zero, 2604.12002), a teacher who sees the
reference (SCRIT, 2501.05727; ThinkTuning, 2508.07616), another attempt (Multiagent Finetuning,
2501.05707), or nobody (SCoRe, 2409.12917). So is what pays the critic: being right, or what comes
of its remark (Reflect-Retry-Reward, 2505.24726).
"""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from simctl.agents.curriculum import Start
from simctl.agents.practice import Practice
from simctl.agents.rewards import RevisionReward, VerdictReward
from simctl.agents.scene import Marked, Scene
from simctl.agents.stage import Stage
from simctl.agents.tasks.environment import Environment
from simctl.agents.turns.remark import Remarker, pay_remarks, remark
from simctl.agents.turns.revise import revise
from simctl.bus.messages import EpisodeEnded


class Revise(Practice):
    """The solver revises its attempts, with what somebody remarks on them."""

    kind: Literal["revise"] = "revise"
    remarks: Remarker = Field(
        default="critic",
        description="the critic's, a teacher's who sees the reference, the verifier's one bit, "
        "another attempt, or nobody's",
    )
    revise: Literal["failed", "flagged", "all"] = Field(
        default="failed", description="attempts that are revised; flagged: those remarked upon"
    )
    turns: int = Field(
        default=2, ge=1, description="attempts with the first; a stored one is revised anyway"
    )
    revisions: int = Field(default=1, ge=1, description="revisions of each attempt in each turn")
    revision_reward: RevisionReward = Field(
        default="correct", description="what a revision is worth"
    )
    critic_reward: VerdictReward = Field(
        default="exact",
        description="exact: word for word; verdict: right or wrong; retry: a failure was mended; "
        "correction: a fault was found and mended, or a right attempt let pass; spc: +-1; s2r: "
        "+-1, twice that for right attempts",
    )

    async def play(self, stage: Stage, env: Environment, start: Start) -> EpisodeEnded:
        """Draw a problem, let the solver attempt it, and revise its attempts turn by turn."""
        scene = await self.drawn(stage, env, start)
        stored = [scene.marked(scene.task.task, start.attempt)] if start.attempt else []
        attempts = stored or await self.work(scene, start)
        for turn in range(2, max(self.turns, 1 + len(stored)) + 1):
            attempts = await self.again(scene, attempts, turn)
        return EpisodeEnded(outcome="completed")

    async def again(self, scene: Scene, attempts: Sequence[Marked], turn: int) -> list[Marked]:
        """Revise the attempts that are to be revised, with remarks; return the revisions."""
        due = [each for each in attempts if self.revise != "failed" or not each.solved]
        remarks = await remark(scene, due, self.remarks, attempts)
        if self.revise == "flagged":
            passed = [each for each in remarks if not each.flags]
            pay_remarks(scene, passed, [()] * len(passed), self.critic_reward)
            remarks = [each for each in remarks if each.flags]
        n, reward = self.revisions, self.revision_reward
        revised = await revise(scene, remarks, self.scorer, n=n, turn=turn, reward=reward)
        pay_remarks(scene, remarks, revised, self.critic_reward)
        return [each for group in revised for each in group]
