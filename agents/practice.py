"""Practice: the solver attempts a task, gets help where it is due, and a teacher looks at it.

With a hint, tasks that nobody solved are tried again with help (STaR's rationalisation,
2203.14465; Guide, 2506.13923; GSI, 2411.00750). With a lesson, the teacher sees each attempt with
something that the solver does not: on-policy self-distillation (OPSD, 2601.18734).
"""

from collections.abc import Sequence
from statistics import fmean
from typing import Literal

from pydantic import Field

from simctl.agents.curriculum import Start
from simctl.agents.episode import Episode
from simctl.agents.scene import Marked, Scene
from simctl.agents.turns.attempt import attempt
from simctl.agents.turns.hint import Hint, next_step, pay_hint
from simctl.agents.turns.scorers import AnyScorer, Verify
from simctl.agents.turns.teach import teach
from simctl.agents.turns.view import materials, part
from simctl.bus.asks import View


class Practice(Episode):
    """What episodes have in common in which the solver attempts a task."""

    scorer: AnyScorer = Field(default=Verify(), description="what an attempt is worth")
    extra: int = Field(
        default=0,
        ge=0,
        description="further attempts at a task that was solved sometimes, but not always",
    )
    hint: Literal["never", "always", "on_all_fail", "on_few"] = Field(
        default="never",
        description="when more attempts get a hint; on_few: under half of the group were right",
    )
    hint_from: Literal["guide", "reference", "answer"] = Field(
        default="guide",
        description="the guide's next step to go on from, or a part of the reference to look at",
    )
    hint_reveal: float = Field(
        default=0.5, ge=0, le=1, description="share of the reference's steps in a hint"
    )
    hint_reward: Literal["right", "helped"] = Field(
        default="right",
        description="what pays the guide for a step: the verifier, or what attempts after it gain "
        "over attempts without it",
    )
    hinted: int = Field(default=4, ge=1, description="attempts with a hint")
    lesson: View | None = Field(
        default=None, description="what the teacher sees beside an attempt; none for no lessons"
    )
    lesson_on: Literal["all", "failed"] = Field(
        default="all", description="attempts that get a lesson"
    )
    taught: int | None = Field(
        default=None, ge=0, description="most attempts of a task that get a lesson; none for all"
    )
    reveal: float = Field(
        default=1.0, ge=0, le=1, description="share of its view's steps that the teacher sees"
    )
    speak: bool = Field(
        default=False, description="the teacher solves the task under its view, too"
    )

    async def work(self, scene: Scene, start: Start) -> list[Marked]:
        """Let the solver attempt the task, with help where it is due, and the teacher teach."""
        attempts = await self.attempts(scene)
        if self.is_hinted(attempts):
            await self.help(scene, attempts)
        await self.teach(scene, attempts, start)
        return attempts

    async def attempts(self, scene: Scene) -> list[Marked]:
        """Let the solver attempt the task in a group, and once more where that may go both ways.

        HS-STaR (2505.19866): what is left of the budget goes to tasks at the boundary.
        """
        first = await attempt(scene, self.num_generations, self.scorer)
        solved = sum(each.solved for each in first)
        if self.extra and 0 < solved < len(first):
            return first + await attempt(scene, self.extra, self.scorer)
        return first

    def is_hinted(self, attempts: Sequence[Marked]) -> bool:
        """Tell whether the task is tried again with a hint."""
        solved = sum(each.solved for each in attempts)
        match self.hint:
            case "never":
                return False
            case "always":
                return True
            case "on_all_fail":
                return solved == 0
            case "on_few":
                return solved < len(attempts) / 2

    async def help(self, scene: Scene, attempts: Sequence[Marked]) -> list[Marked]:
        """Let the solver attempt the task with a hint, if there is one to be had."""
        if self.hint_from == "guide":
            return await self.follow(scene, await next_step(scene, attempts))
        reveal = self.hint_reveal if self.hint_from == "reference" else 0.0
        hint = part(scene, scene.task.reference, reveal)
        return await attempt(scene, self.hinted, self.scorer, hint=hint)

    async def follow(self, scene: Scene, hint: Hint | None) -> list[Marked]:
        """Let the solver go on from the guide's step, if it gave one, and pay the guide."""
        if hint is None:
            return []
        tried = await attempt(scene, self.hinted, self.scorer, prefix=hint.prefix)
        if self.hint_reward == "right":
            pay_hint(scene, hint)
            return tried
        without = await attempt(scene, self.hinted, self.scorer, prefix=hint.partial)
        gain = fmean(each.right for each in tried) - fmean(each.right for each in without)
        pay_hint(scene, hint, gain)
        return tried + without

    async def teach(self, scene: Scene, attempts: Sequence[Marked], start: Start) -> list[Marked]:
        """Let the teacher see attempts under its view; return what it says itself, if it speaks."""
        if self.lesson is None:
            return []
        due = [each for each in attempts if self.lesson_on == "all" or not each.solved]
        shown = await materials(scene, due[: self.taught], self.lesson, attempts)
        reveal = self.reveal if start.reveal is None else start.reveal
        return await teach(
            scene, shown, self.lesson, self.scorer if self.speak else None, reveal=reveal
        )
