"""Asks: what the society asks of the roles, and the words that all messages share."""

from typing import ClassVar, Literal

from pydantic import Field

from simctl.bus.values import Value

Role = Literal["examiner", "solver", "critic", "guide", "teacher"]
ROLES: tuple[Role, ...] = ("examiner", "solver", "critic", "guide", "teacher")
View = Literal["blank", "reference", "critique"]


class Message(Value):
    """One thing said. Subclasses add a literal `kind`."""

    schema_version: ClassVar[int] = 1


class Sampling(Value):
    """How answers are sampled. Temperature 0 is greedy; the length is in tokens."""

    temperature: float = Field(default=1.0, ge=0, description="sampling temperature; 0 is greedy")
    max_completion_length: int = Field(
        default=128, ge=1, description="longest answer of a role, in tokens"
    )


class Ask(Message):
    """A request to one role, which answers with `answers` messages."""

    sampling: Sampling = Sampling()

    @property
    def answers(self) -> int:
        """How many messages answer this ask."""
        return 1


class PoseTask(Ask):
    """Ask the examiner for a problem: a new one, or further steps of `parent`."""

    kind: Literal["pose_task"] = "pose_task"
    parent: str = ""
    parent_task: int | None = None


class SolveTask(Ask):
    """Ask the solver for `n` attempts. `prefix` is a partial solution to go on from (a hint)."""

    kind: Literal["solve_task"] = "solve_task"
    task: int
    problem: str
    n: int = Field(default=1, ge=1)
    prefix: str = ""

    @property
    def answers(self) -> int:
        """One message for each attempt."""
        return self.n


class JudgeTask(Ask):
    """Ask the guide whether a problem is worth solving."""

    kind: Literal["judge_task"] = "judge_task"
    task: int
    problem: str


class GiveHint(Ask):
    """Ask the guide for the step after `partial`, a prefix of a solution."""

    kind: Literal["give_hint"] = "give_hint"
    task: int
    problem: str
    partial: str


class WriteCritique(Ask):
    """Ask the critic to check the attempt of event `of` up to its first wrong step."""

    kind: Literal["write_critique"] = "write_critique"
    task: int
    problem: str
    of: int
    attempt: str


class GiveLesson(Ask):
    """Ask the teacher for a lesson on the attempt of event `of` under a privileged view.

    With `speak` false the teacher only lays out its view: the lesson then holds prompt tokens
    and no answer.
    """

    kind: Literal["give_lesson"] = "give_lesson"
    task: int
    problem: str
    of: int
    view: View
    reference: str = ""
    attempt: str = ""
    critique: str = ""
    speak: bool = True


class ShowDemonstration(Ask):
    """Ask the teacher to show an answer of the school to a question put to `role`."""

    kind: Literal["show_demonstration"] = "show_demonstration"
    role: Role
    prompt: str
    answer: str


AnyAsk = (
    PoseTask | SolveTask | JudgeTask | GiveHint | WriteCritique | GiveLesson | ShowDemonstration
)
