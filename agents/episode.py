"""Episodes: plain async code that says who is asked what, in which order."""

from abc import ABC, abstractmethod

from pydantic import Field

from simctl.agents.curriculum import Start
from simctl.agents.stage import Stage
from simctl.agents.tasks.environment import Environment, Grade
from simctl.bus.answers import (
    AttemptMade,
    AttemptRevised,
    TaskPosed,
)
from simctl.bus.asks import Role, Sampling, SolveTask
from simctl.bus.event import Event
from simctl.bus.messages import (
    AnswerGraded,
    EpisodeEnded,
    TaskChecked,
)
from simctl.bus.values import Value


class Posed(Value):
    """A problem in play: the seq of the event that posed it, and what the environment knows."""

    task: int
    problem: str
    reference: str
    difficulty: int


class Marked(Value):
    """An attempt with its grade; `event` is the seq of the attempt."""

    event: int
    attempt: str
    correct: bool
    progress: float


class Episode(Value, ABC):
    """One exchange. Its fields are its settings, `play` is what happens, top to bottom."""

    num_generations: int = Field(default=8, ge=1, description="attempts per task: the group size")
    sampling: Sampling = Field(default=Sampling(), description="how every role samples")

    @property
    def name(self) -> str:
        """What the episode is called in the log."""
        return type(self).__name__.lower()

    @abstractmethod
    async def play(self, stage: Stage, env: Environment, start: Start) -> EpisodeEnded:
        """Play one episode from `start` and say how it ended."""

    async def draw(self, stage: Stage, env: Environment, start: Start) -> Posed:
        """Let the environment pose a problem of the wanted difficulty."""
        problem = env.draw(start.difficulty, stage.dice("draw"))
        posed = await stage.note(TaskPosed(problem=problem, path=problem))
        checked = await self.check(stage, env, posed)
        return in_play(posed, checked)

    async def check(self, stage: Stage, env: Environment, posed: Event) -> TaskChecked:
        """Put a posed problem before the gates and note the verdicts."""
        problem = _problem(posed)
        found = env.check(problem)
        checked = TaskChecked(
            task=posed.seq,
            valid=found.valid,
            gates=found.gates,
            difficulty=found.difficulty,
            degenerate=found.degenerate,
            reference=found.reference,
            path=found.path,
        )
        await stage.note(checked, cause=posed, task=posed.seq)
        return checked

    async def attempt(
        self, stage: Stage, env: Environment, task: Posed, *, n: int, prefix: str = ""
    ) -> list[Marked]:
        """Let the solver attempt the task `n` times, and grade every attempt."""
        ask = SolveTask(
            task=task.task, problem=task.problem, n=n, prefix=prefix, sampling=self.sampling
        )
        events = await stage.ask("solver", ask, task=task.task)
        attempts = [_attempt(event) for event in events]
        grades = [env.grade_attempt(task.problem, attempt) for attempt in attempts]
        await stage.grade(
            *(
                graded(task.task, event, "solver", grade, "correct")
                for event, grade in zip(events, grades, strict=True)
            )
        )
        return [
            Marked(
                event=event.seq,
                attempt=attempt,
                correct=grade.parts["correct"] == 1.0,
                progress=grade.parts["progress"],
            )
            for event, attempt, grade in zip(events, attempts, grades, strict=True)
        ]


def graded(task: int, event: Event, role: Role, grade: Grade, part: str) -> AnswerGraded:
    """Return the grade of an event, rewarded by one of its parts."""
    return AnswerGraded(
        task=task,
        of=event.seq,
        role=role,
        reward=grade.parts[part],
        parts=grade.parts,
        first_wrong=grade.first_wrong,
    )


def _attempt(event: Event) -> str:
    if not isinstance(event.message, AttemptMade | AttemptRevised):
        raise TypeError(f"the solver answered with {event.kind!r}")
    return event.message.attempt


def _problem(posed: Event) -> str:
    if not isinstance(posed.message, TaskPosed):
        raise TypeError(f"event {posed.seq} is {posed.kind!r}, not a posed task")
    return posed.message.problem


def in_play(posed: Event, checked: TaskChecked) -> Posed:
    """Return the problem that an event posed, with what the environment knows of it."""
    return Posed(
        task=posed.seq,
        problem=_problem(posed),
        reference=checked.reference,
        difficulty=checked.difficulty,
    )
