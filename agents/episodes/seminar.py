"""Seminar: all five roles around one problem.

The examiner poses. The guide judges whether the problem is a proper one, which scales what the
examiner earns. The solver attempts it in a group. The critic checks failed attempts, and the
teacher solves the problem again with attempt and critique in view: if that succeeds, its view
teaches the solver at the tokens of the failed attempt. Where a whole group failed, the guide
gives the next step and the solver goes on from it.
"""

from typing import Literal, TypeVar

from pydantic import Field

from simctl.agents.curriculum import Start
from simctl.agents.episode import Episode, Marked, Posed, graded, in_play
from simctl.agents.rewards import TASK_REWARDS, Measured, TaskReward
from simctl.agents.stage import Stage
from simctl.agents.tasks.environment import Environment
from simctl.bus.answers import (
    CritiqueWritten,
    HintGiven,
    LessonGiven,
    TaskJudged,
)
from simctl.bus.asks import GiveHint, GiveLesson, JudgeTask, PoseTask, WriteCritique
from simctl.bus.event import Event
from simctl.bus.messages import (
    AnswerGraded,
    EpisodeEnded,
    TaskChecked,
)

M = TypeVar("M")


class Seminar(Episode):
    """One problem's way through all five roles."""

    kind: Literal["seminar"] = "seminar"
    examiner_reward: TaskReward = Field(
        default="frontier", description="what a solve rate is worth to the examiner"
    )
    guided: bool = Field(
        default=True, description="scale the examiner's reward by the guide's score"
    )
    critiques: int = Field(
        default=2, ge=0, description="failed attempts per task that are criticised"
    )
    hinted: int = Field(
        default=4, ge=0, description="attempts after a hint where a whole group failed; 0 for none"
    )

    async def play(self, stage: Stage, env: Environment, start: Start) -> EpisodeEnded:
        """Play one problem from top to bottom."""
        posed, checked = await self.pose(stage, env, start)
        if not checked.valid:
            await self.pay(stage, posed, checked, solve_rate=0.0, clean=0.0)
            return EpisodeEnded(outcome="invalid_task")
        task = in_play(posed, checked)
        clean = await self.judge(stage, env, task)
        attempts = await self.attempt(stage, env, task, n=self.num_generations)
        failed = [each for each in attempts if not each.correct]
        await self.pay(
            stage, posed, checked, solve_rate=1 - len(failed) / len(attempts), clean=clean
        )
        if len(failed) == len(attempts) and self.hinted:
            await self.hint(stage, env, task, max(failed, key=lambda each: each.progress))
        await self.teach(stage, env, task, failed[: self.critiques])
        return EpisodeEnded(outcome="completed")

    async def pose(self, stage: Stage, env: Environment, start: Start) -> tuple[Event, TaskChecked]:
        """Let the examiner pose a problem, and put it before the gates."""
        ask = PoseTask(parent=start.parent, parent_task=start.parent_task, sampling=self.sampling)
        [posed] = await stage.ask("examiner", ask)
        return posed, await self.check(stage, env, posed)

    async def judge(self, stage: Stage, env: Environment, task: Posed) -> float:
        """Let the guide judge the problem; return its probability of being a proper one."""
        ask = JudgeTask(task=task.task, problem=task.problem, sampling=self.sampling)
        [event] = await stage.ask("guide", ask, task=task.task)
        judged = _expect(event, TaskJudged)
        grade = env.grade_judgement(task.problem, judged.judgement)
        await stage.grade(graded(task.task, event, "guide", grade, "right"))
        return judged.clean

    async def pay(
        self, stage: Stage, posed: Event, checked: TaskChecked, *, solve_rate: float, clean: float
    ) -> None:
        """Reward the examiner: nothing for an invalid problem."""
        measured = Measured(solve_rate=solve_rate, attempts=self.num_generations)
        worth = TASK_REWARDS[self.examiner_reward](measured)
        reward = worth * (clean if self.guided else 1.0) if checked.valid else 0.0
        parts = {
            "valid": float(checked.valid),
            "solve_rate": solve_rate,
            self.examiner_reward: worth,
            "clean": clean,
        }
        await stage.grade(
            AnswerGraded(task=posed.seq, of=posed.seq, role="examiner", reward=reward, parts=parts)
        )

    async def hint(self, stage: Stage, env: Environment, task: Posed, best: Marked) -> None:
        """Let the guide add a step to the best attempt's right ones, and the solver go on."""
        partial = env.right_prefix(task.problem, best.attempt)
        if not partial:  # without a step to follow, the guide's question is whether to solve at all
            return
        ask = GiveHint(
            task=task.task, problem=task.problem, partial=partial, sampling=self.sampling
        )
        [event] = await stage.ask("guide", ask, task=task.task)
        hint = _expect(event, HintGiven).hint
        grade = env.grade_hint(task.problem, partial, hint)
        await stage.grade(graded(task.task, event, "guide", grade, "right"))
        await self.attempt(stage, env, task, n=self.hinted, prefix=partial + hint)

    async def teach(
        self, stage: Stage, env: Environment, task: Posed, failed: list[Marked]
    ) -> None:
        """Let the critic check failed attempts, and the teacher solve the problem in their view."""
        critiques = await self.criticise(stage, env, task, failed)
        asks = [
            GiveLesson(
                task=task.task,
                problem=task.problem,
                of=each.event,
                view="critique",
                attempt=each.attempt,
                critique=critique,
                sampling=self.sampling,
            )
            for each, critique in zip(failed, critiques, strict=True)
        ]
        lessons = [event for [event] in await stage.ask_all("teacher", asks, task=task.task)]
        grades = [
            env.grade_attempt(task.problem, _expect(event, LessonGiven).solution)
            for event in lessons
        ]
        await stage.grade(
            *(
                graded(task.task, event, "teacher", grade, "correct")
                for event, grade in zip(lessons, grades, strict=True)
            )
        )

    async def criticise(
        self, stage: Stage, env: Environment, task: Posed, failed: list[Marked]
    ) -> list[str]:
        """Return the critic's text on each attempt, graded by the verifier."""
        asks = [
            WriteCritique(
                task=task.task,
                problem=task.problem,
                of=each.event,
                attempt=each.attempt,
                sampling=self.sampling,
            )
            for each in failed
        ]
        events = [event for [event] in await stage.ask_all("critic", asks, task=task.task)]
        texts = [_expect(event, CritiqueWritten).critique for event in events]
        await stage.grade(
            *(
                graded(
                    task.task,
                    event,
                    "critic",
                    env.grade_critique(task.problem, each.attempt, text),
                    "exact",
                )
                for event, each, text in zip(events, failed, texts, strict=True)
            )
        )
        return texts


def _expect(event: Event, kind: type[M]) -> M:
    if not isinstance(event.message, kind):
        raise TypeError(f"event {event.seq} is {event.kind!r}, not {kind.__name__}")
    return event.message
