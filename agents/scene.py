"""Scenes: one problem in play, with all that a turn at it needs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from simctl.agents.stage import Stage
from simctl.agents.tasks.environment import Environment, Grade
from simctl.bus.answers import TaskPosed
from simctl.bus.asks import Role, Sampling
from simctl.bus.event import Event
from simctl.bus.messages import AnswerGraded, TaskChecked
from simctl.bus.values import Value

M = TypeVar("M")


class Posed(Value):
    """A problem in play: the seq of the event that posed it, and what the environment knows."""

    task: int
    problem: str
    reference: str
    difficulty: int
    path: str = ""


class Marked(Value):
    """An attempt with its grade; `event` is the seq of the attempt.

    `right` is how far it counts as right to whoever scores it, from 0 to 1; `progress` is the
    verifier's share of right steps.
    """

    event: int
    attempt: str
    right: float
    progress: float = 0.0

    @property
    def solved(self) -> bool:
        """Whether it counts as right."""
        return self.right >= 1.0


@dataclass(frozen=True)
class Tried:
    """An attempt before it is paid: its event, its text, and what the verifier says of it."""

    event: Event
    text: str
    truth: Grade


@dataclass(frozen=True)
class Score:
    """How far an attempt counts as right, what it earns, and the parts that tell why."""

    right: float
    reward: float
    parts: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Scene:
    """Where a turn takes place: the stage, the environment, the task, and how roles sample."""

    stage: Stage
    env: Environment
    task: Posed
    sampling: Sampling
    solver_sampling: Sampling

    def pay(
        self, tried: Sequence[Tried], scores: Sequence[Score], role: Role = "solver"
    ) -> list[Marked]:
        """Write down what attempts earned, beside the verifier's parts."""
        pairs = list(zip(tried, scores, strict=True))
        self.stage.grade(*(self._scored(each, score, role) for each, score in pairs))
        return [
            Marked(
                event=each.event.seq,
                attempt=each.text,
                right=score.right,
                progress=each.truth.parts.get("progress", 0.0),
            )
            for each, score in pairs
        ]

    def _scored(self, tried: Tried, score: Score, role: Role) -> AnswerGraded:
        parts = tried.truth.parts | score.parts
        grade = Grade(parts=parts, first_wrong=tried.truth.first_wrong)
        return self.grade(tried.event, role, grade, score.reward)

    def marked(self, event: int, text: str) -> Marked:
        """Return a solution as the verifier marks it; it is, or comes with, this event."""
        parts = self.env.grade_attempt(self.task.problem, text).parts
        return Marked(
            event=event, attempt=text, right=parts["correct"], progress=parts.get("progress", 0.0)
        )

    def grade(self, event: Event, role: Role, grade: Grade, reward: float) -> AnswerGraded:
        """Return the grade of an event of this scene."""
        return graded(self.task.task, event.seq, role, grade, reward)


def graded(task: int, of: int, role: Role, grade: Grade, reward: float) -> AnswerGraded:
    """Return the grade of event `of`, with the reward that it earned."""
    return AnswerGraded(
        task=task,
        of=of,
        role=role,
        reward=reward,
        parts=grade.parts,
        first_wrong=grade.first_wrong,
    )


def in_play(posed: Event, checked: TaskChecked) -> Posed:
    """Return the problem that an event posed, with what the environment knows of it."""
    return Posed(
        task=posed.seq,
        problem=expect(posed, TaskPosed).problem,
        reference=checked.reference,
        difficulty=checked.difficulty,
        path=checked.path,
    )


def expect(event: Event, kind: type[M]) -> M:
    """Return the message of an event, which must be of this kind.

    Raises:
        TypeError: it is of another kind.
    """
    if not isinstance(event.message, kind):
        raise TypeError(f"event {event.seq} is {event.kind!r}, not {kind.__name__}")
    return event.message
