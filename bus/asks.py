"""Asks: what the society asks of the roles, and the words that all messages share."""

from typing import ClassVar, Literal

from pydantic import Field

from simctl.bus.roles import ROLES as ROLES  # noqa: PLC0414 - asks have always had them
from simctl.bus.roles import Role as Role  # noqa: PLC0414
from simctl.bus.values import Value

# what a teacher sees that the solver does not; `self` is the solver's own prompt, `blank` nothing
View = Literal[
    "blank", "reference", "critique", "path", "answer", "sibling", "skill", "attempt", "self"
]
STUDIED_AT_ONCE = 8  # examples that a copy of the solver learns from in a step


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
    """Ask the examiner for a problem: a new one, or further steps of `parent`.

    `target` is an unsolved problem that the new one should help with.
    """

    kind: Literal["pose_task"] = "pose_task"
    parent: str = ""
    parent_task: int | None = None
    target: str = ""


class PlantError(Ask):
    """Ask the examiner for a wrong step that looks right, after the right ones in `prefix`."""

    kind: Literal["plant_error"] = "plant_error"
    task: int
    problem: str
    prefix: str = ""


class SolveTask(Ask):
    """Ask the solver for `n` attempts.

    `prefix` is a partial solution to go on from, `hint` one that is shown beside the problem.
    """

    kind: Literal["solve_task"] = "solve_task"
    task: int
    problem: str
    n: int = Field(default=1, ge=1)
    prefix: str = ""
    hint: str = ""

    @property
    def answers(self) -> int:
        """One message for each attempt."""
        return self.n


class ReviseAttempt(Ask):
    """Ask the solver for `n` revisions of the attempt of event `of`, with what was said of it."""

    kind: Literal["revise_attempt"] = "revise_attempt"
    task: int
    problem: str
    of: int
    attempt: str
    critique: str = ""
    turn: int = 2
    n: int = Field(default=1, ge=1)

    @property
    def answers(self) -> int:
        """One message for each revision."""
        return self.n


class TakeAction(Ask):
    """Ask the solver for its next action; `history` holds actions and what followed from them.

    `index` is the place of this rollout among those of its task.
    """

    kind: Literal["take_action"] = "take_action"
    task: int
    problem: str
    history: str = ""
    turn: int = 1
    index: int = 0


class SitExam(Ask):
    """Ask the solver what a copy of it learns from examples: an exam before and after.

    `examples` are pairs of a problem and a solution; `of` are the attempts that they came from, if
    they did. The copy takes `steps` steps on them, solves the problems of `exam` greedily, and is
    thrown away.
    """

    kind: Literal["sit_exam"] = "sit_exam"
    task: int
    examples: tuple[tuple[str, str], ...]
    exam: tuple[str, ...]
    steps: int = Field(default=8, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    of: tuple[int, ...] = ()


class EstimateValue(Ask):
    """Ask the critic how likely it is that a partial solution ends well."""

    kind: Literal["estimate_value"] = "estimate_value"
    task: int
    problem: str
    partial: str


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
    """Ask the critic for `n` checks of the attempt of event `of`, up to its first wrong step.

    Put to the teacher, it is a check with the `reference` in view.
    """

    kind: Literal["write_critique"] = "write_critique"
    task: int
    problem: str
    of: int
    attempt: str
    reference: str = ""
    n: int = Field(default=1, ge=1)

    @property
    def answers(self) -> int:
        """One message for each critique."""
        return self.n


class GiveLesson(Ask):
    """Ask the teacher for a lesson on the attempt of event `of` under a privileged view.

    `reference` is the solution that the view shows, wherever it comes from, or the part of it that
    `reveal` leaves. With `speak` false the teacher only lays out its view: the lesson then holds
    prompt tokens and no answer.
    """

    schema_version: ClassVar[int] = 2
    kind: Literal["give_lesson"] = "give_lesson"
    task: int
    problem: str
    of: int
    view: View
    reference: str = ""
    attempt: str = ""
    critique: str = ""
    speak: bool = True
    reveal: float = 1.0


class ShowDemonstration(Ask):
    """Ask the teacher to show an answer of the school to a question put to `role`."""

    kind: Literal["show_demonstration"] = "show_demonstration"
    role: Role
    prompt: str
    answer: str


AnyAsk = (
    PoseTask
    | PlantError
    | SolveTask
    | ReviseAttempt
    | TakeAction
    | SitExam
    | EstimateValue
    | JudgeTask
    | GiveHint
    | WriteCritique
    | GiveLesson
    | ShowDemonstration
)
