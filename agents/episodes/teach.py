"""Teach: sets of worked problems, each worth what a copy of the solver learns from it.

The exchange of SOAR (2601.18778) and, with `paid = "best"`, of SEAL (2506.10943).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field

from simctl.agents.curriculum import Start
from simctl.agents.episode import Episode
from simctl.agents.scene import Posed, expect, graded, in_play
from simctl.agents.stage import Stage
from simctl.agents.tasks.environment import Environment, Grade
from simctl.agents.turns.pose import check
from simctl.bus.answers import AttemptMade, ExamTaken
from simctl.bus.asks import PoseTask, Role, SitExam, SolveTask
from simctl.bus.event import Event
from simctl.bus.messages import AnswerGraded, EpisodeEnded

Paid = Literal["gain", "advantage", "best"]


@dataclass
class _Set:
    """What a copy learns from, and who made it: event, role and task of each thing said."""

    made: list[tuple[Event, Role, int]] = field(default_factory=list)
    tasks: list[Posed] = field(default_factory=list)
    examples: list[tuple[str, str]] = field(default_factory=list)


class Teach(Episode):
    """The examiner poses sets, the solver works them out, and copies that learn sit one exam.

    Answers are not verified, as in SOAR; a problem that does not pass the gates is in no set. The
    exam is drawn once an episode, at the curriculum's difficulty, and holds no held-out problem.
    All that made a set earns the same: with `gain`, RLOO over sets is that over their problems but
    for a factor; `advantage` is the gain less the mean of the other sets, so that the luck of an
    episode's exam is nobody's. SOAR's promotion of a taught copy is left out: a run has one policy.
    """

    kind: Literal["teach"] = "teach"
    sets: int = Field(default=4, ge=1, description="sets in an episode (g)")
    set_size: int = Field(default=8, ge=1, description="problems posed for a set (n)")
    worked_by: Literal["solver", "reference"] = Field(
        default="solver", description="who answers them: the solver, unverified, or the task"
    )
    exam: int = Field(default=32, ge=1, description="problems of the exam")
    steps: int = Field(default=10, ge=1, description="steps that a copy takes")
    learning_rate: float = Field(default=3e-4, gt=0, description="their size, of AdamW")
    paid: Paid = Field(
        default="gain",
        description="what a set earns: its gain, that less the others' mean, or 1 for the best set "
        "if it gains",
    )

    async def play(self, stage: Stage, env: Environment, start: Start) -> EpisodeEnded:
        """Make every set, let a copy of the solver learn from each, and pay their makers."""
        rng = stage.dice("exam")
        exam = tuple(env.draw(start.difficulty, rng) for _ in range(self.exam))
        sets = await self.pose(stage, env, start)
        for each in sets:
            await self.work(stage, each)
        gains = await self.examine(stage, [each for each in sets if each.examples], exam)
        paid = iter(gains)
        await self.pay(stage, sets, [next(paid) if each.examples else 0.0 for each in sets])
        return EpisodeEnded(outcome="completed")

    async def pose(self, stage: Stage, env: Environment, start: Start) -> list[_Set]:
        """Let the examiner pose the problems of all sets, and put them before the gates."""
        ask = PoseTask(parent=start.parent, parent_task=start.parent_task, sampling=self.sampling)
        asks = [ask] * (self.sets * self.set_size)
        sets = [_Set() for _ in range(self.sets)]
        for at, [posed] in enumerate(await stage.ask_all("examiner", asks)):
            own = sets[at // self.set_size]
            checked = await check(stage, env, posed)
            if checked.valid:
                own.made.append((posed, "examiner", posed.seq))
                own.tasks.append(in_play(posed, checked))
            else:
                nothing = Grade(parts={"valid": 0.0})
                await stage.grade(graded(posed.seq, posed.seq, "examiner", nothing, 0.0))
        return sets

    async def work(self, stage: Stage, own: _Set) -> None:
        """Work out the problems of a set: they and their answers are its examples."""
        if self.worked_by == "reference":
            own.examples += [(each.problem, each.reference) for each in own.tasks]
            return
        asks = [
            SolveTask(task=each.task, problem=each.problem, sampling=self.sampling)
            for each in own.tasks
        ]
        answers = await stage.ask_all("solver", asks)
        for task, [answer] in zip(own.tasks, answers, strict=True):
            own.made.append((answer, "solver", task.task))
            own.examples.append((task.problem, expect(answer, AttemptMade).attempt))

    async def examine(
        self, stage: Stage, sets: Sequence[_Set], exam: tuple[str, ...]
    ) -> list[float]:
        """Return what a copy gains from each set: the same exam, after less before."""
        asks = [
            SitExam(
                task=each.tasks[0].task,
                examples=tuple(each.examples),
                exam=exam,
                steps=self.steps,
                learning_rate=self.learning_rate,
                sampling=self.sampling,
            )
            for each in sets
        ]
        taken = [expect(event, ExamTaken) for [event] in await stage.ask_all("solver", asks)]
        return [each.after - each.before for each in taken]

    async def pay(self, stage: Stage, sets: Sequence[_Set], gains: Sequence[float]) -> None:
        """Reward all that made each set."""
        grades: list[AnswerGraded] = []
        for own, gain, reward in zip(sets, gains, worth(self.paid, gains), strict=True):
            grade = Grade(parts={"gain": gain})
            grades += [
                graded(task, event.seq, role, grade, reward) for event, role, task in own.made
            ]
        await stage.grade(*grades)


def worth(paid: Paid, gains: Sequence[float]) -> list[float]:
    """Return what each set earns; a lone set has no others, and its advantage is its gain."""
    match paid:
        case "gain":
            return list(gains)
        case "advantage":
            others = max(len(gains) - 1, 1)
            return [gain - (sum(gains) - gain) / others for gain in gains]
        case "best":
            winner = gains.index(max(gains))
            return [float(at == winner and gain > 0) for at, gain in enumerate(gains)]
