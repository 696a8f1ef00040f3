"""Folds events into trajectories. Pure: the same events always give the same trajectories."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from simctl.bus.asks import Message, Role, View
from simctl.bus.event import Event
from simctl.bus.messages import (
    AnswerGraded,
    AttemptMade,
    AttemptRevised,
    CritiqueWritten,
    DemonstrationGiven,
    HintGiven,
    LessonGiven,
    Spoken,
    TaskJudged,
    TaskPosed,
)

DEMONSTRATION = "demonstration_given"
_SPEAKERS: Mapping[type[Message], Role] = {
    TaskPosed: "examiner",
    AttemptMade: "solver",
    AttemptRevised: "solver",
    CritiqueWritten: "critic",
    TaskJudged: "guide",
    HintGiven: "guide",
    LessonGiven: "teacher",
}
GRADED = "answer_graded"
_SPOKEN = frozenset({*(cls.model_fields["kind"].default for cls in _SPEAKERS), DEMONSTRATION})
_IN_GROUPS = frozenset({"attempt_made", "attempt_revised"})  # one ask has many such answers


@dataclass(frozen=True, slots=True)
class Lesson:
    """A teacher's view of an attempt. `reward` is what the teacher's own answer under it earned."""

    source: int
    view: View
    prompt: tuple[int, ...]
    spoken: bool
    reward: float | None


@dataclass(frozen=True, slots=True)
class Trajectory:
    """One utterance with what became of it.

    `source` is the seq of its event. A demonstration has no `policy_version`: nobody sampled it.
    """

    source: int
    role: Role
    kind: str
    cause: int | None
    task: int | None
    round: int
    policy_version: int | None
    prompt: tuple[int, ...]
    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    temperature: float = 1.0
    truncated: bool = False
    reward: float | None = None
    parts: Mapping[str, float] = field(default_factory=dict[str, float])
    lessons: tuple[Lesson, ...] = ()

    @property
    def demonstrated(self) -> bool:
        """Whether the school gave it, and no policy said it."""
        return self.kind == DEMONSTRATION


@dataclass(frozen=True, slots=True)
class Group:
    """Trajectories that are compared with each other: one role, one kind of message."""

    role: Role
    kind: str
    trajectories: tuple[Trajectory, ...]


def trajectories(events: Iterable[Event]) -> list[Trajectory]:
    """Return a trajectory for every utterance with an answer, by episode and then in order.

    A round that was broken off and played again interleaves its episodes in another way; sorted,
    it gives the same batch and so the same weights.
    """
    said = [event for event in events if event.kind in _SPOKEN or event.kind == GRADED]
    said.sort(key=lambda event: (event.episode, event.seq))
    grades = {
        event.message.of: event.message for event in said if isinstance(event.message, AnswerGraded)
    }
    lessons = _lessons(said, grades)
    return [
        _trajectory(event, grades.get(event.seq), lessons.get(event.seq, ()))
        for event in said
        if event.kind in _SPOKEN and event.utterance is not None and event.utterance.tokens
    ]


def groups(told: Sequence[Trajectory]) -> list[Group]:
    """Group answers to one ask; where an ask has one answer, a role's answers of the same kind."""
    members: dict[tuple[str, str, int | None], list[Trajectory]] = defaultdict(list)
    for each in told:
        cause = each.cause if each.kind in _IN_GROUPS else None
        members[each.role, each.kind, cause].append(each)
    return [Group(group[0].role, group[0].kind, tuple(group)) for group in members.values()]


def _lessons(
    said: Sequence[Event], grades: Mapping[int, AnswerGraded]
) -> dict[int, tuple[Lesson, ...]]:
    lessons: dict[int, tuple[Lesson, ...]] = defaultdict(tuple)
    for event in said:
        lesson = event.message
        if isinstance(lesson, LessonGiven) and event.utterance is not None:
            grade = grades.get(event.seq)
            lessons[lesson.of] += (
                Lesson(
                    source=event.seq,
                    view=lesson.view,
                    prompt=event.utterance.prompt_tokens,
                    spoken=bool(event.utterance.tokens),
                    reward=None if grade is None else grade.reward,
                ),
            )
    return lessons


def _trajectory(
    event: Event, grade: AnswerGraded | None, lessons: tuple[Lesson, ...]
) -> Trajectory:
    message, said = event.message, event.utterance
    if said is None:
        raise ValueError(f"event {event.seq} ({event.kind}) holds no utterance")
    demonstration = isinstance(message, DemonstrationGiven)
    return Trajectory(
        source=event.seq,
        role=message.role if isinstance(message, DemonstrationGiven) else _SPEAKERS[type(message)],
        kind=event.kind,
        cause=event.cause,
        task=event.task,
        round=event.round,
        policy_version=None if demonstration else event.policy_version,
        prompt=said.prompt_tokens,
        tokens=said.tokens,
        logprobs=said.logprobs,
        temperature=message.temperature if isinstance(message, Spoken) else 1.0,
        truncated=isinstance(message, Spoken) and message.truncated,
        reward=None if grade is None else grade.reward,
        parts={} if grade is None else grade.parts,
        lessons=lessons,
    )
