"""Answers: what the roles say when they are asked."""

from typing import ClassVar, Literal

from pydantic import Field

from simctl.bus.asks import Message, View


class Spoken(Message):
    """A message that a model produced; its token ids are in the event."""

    temperature: float = 1.0
    truncated: bool = False  # the length limit ended it, not the model
    # why it is not what was asked for, where it is not; left out where it is
    unread: str = Field(default="", exclude_if=lambda reason: not reason)
    # another engine than the run's own policy, and what it was shown and said, in its tokens
    engine: str = Field(default="", exclude_if=lambda name: not name)
    shown_tokens: int = Field(default=0, exclude_if=lambda tokens: not tokens)
    said_tokens: int = Field(default=0, exclude_if=lambda tokens: not tokens)
    # where weights changed amid it: each version, and how many tokens in a row it said
    versions: tuple[tuple[int, int], ...] = Field(default=(), exclude_if=lambda spans: not spans)


class TaskPosed(Spoken):
    """A problem. `parent_task` is the event it extends; `path` is how it was built."""

    kind: Literal["task_posed"] = "task_posed"
    problem: str
    parent_task: int | None = None
    path: str = ""


class ErrorPlanted(Spoken):
    """The examiner's step after `prefix`, meant to be wrong and to look right."""

    kind: Literal["error_planted"] = "error_planted"
    task: int
    prefix: str
    attempt: str


class AttemptMade(Spoken):
    """A solution to `task`; `index` is its place in the group, `hint` what its prompt showed."""

    kind: Literal["attempt_made"] = "attempt_made"
    task: int
    index: int
    attempt: str
    hint: str = ""


class AttemptRevised(Spoken):
    """A solution that went on from a hinted prefix, or that is the revision of attempt `of`.

    `attempt` holds prefix and continuation; `turn` counts the attempts from 1.
    """

    kind: Literal["attempt_revised"] = "attempt_revised"
    task: int
    index: int
    prefix: str
    attempt: str
    of: int | None = None
    turn: int = 2


class ActionTaken(Spoken):
    """One action of the solver in an exchange of several turns; `index` names the rollout."""

    kind: Literal["action_taken"] = "action_taken"
    task: int
    index: int
    turn: int
    action: str


class ExamTaken(Message):
    """What a copy of the solver scored before and after it learnt from `examples` examples.

    `tokens` were sampled for it; `key` names the order in which it drew them.
    """

    kind: Literal["exam_taken"] = "exam_taken"
    task: int
    examples: int
    problems: int
    before: float
    after: float
    tokens: int = 0
    key: int | None = None


class ValueEstimated(Spoken):
    """The critic's estimate that `partial` ends in a right solution."""

    kind: Literal["value_estimated"] = "value_estimated"
    task: int
    partial: str
    value: float


class CritiqueWritten(Spoken):
    """A check of the attempt of event `of`; `verdict` says whether it found no fault.

    `privileged` ones are the teacher's, who had the reference in view.
    """

    kind: Literal["critique_written"] = "critique_written"
    task: int
    of: int
    critique: str
    verdict: bool
    index: int = 0
    privileged: bool = False


class TaskJudged(Spoken):
    """The guide's view of a problem: `clean` is its probability that it is a proper one."""

    kind: Literal["task_judged"] = "task_judged"
    task: int
    clean: float
    judgement: str


class HintGiven(Spoken):
    """The guide's next step after `partial`."""

    kind: Literal["hint_given"] = "hint_given"
    task: int
    partial: str
    hint: str


class LessonGiven(Spoken):
    """The teacher's own solution of the task under its view; the event's prompt holds the view."""

    schema_version: ClassVar[int] = 2
    kind: Literal["lesson_given"] = "lesson_given"
    task: int
    of: int
    view: View
    solution: str
    reveal: float = 1.0


class RoleFailed(Message):
    """A role could not answer. It counts as the whole answer to its ask."""

    kind: Literal["role_failed"] = "role_failed"
    role: str
    error: str


AnyAnswer = (
    TaskPosed
    | ErrorPlanted
    | AttemptMade
    | AttemptRevised
    | ActionTaken
    | ExamTaken
    | ValueEstimated
    | CritiqueWritten
    | TaskJudged
    | HintGiven
    | LessonGiven
    | RoleFailed
)
