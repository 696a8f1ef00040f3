"""Folds events into trajectories. Pure: the same events always give the same trajectories."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from simctl.bus.asks import Role, View
from simctl.bus.event import Event, Utterance
from simctl.bus.messages import (
    AnswerGraded,
    AnyMessage,
    DemonstrationGiven,
    LessonGiven,
    Spoken,
    UnknownMessage,
)
from simctl.store.said import Said

Heard = Event | Said
DEMONSTRATION = "demonstration_given"
_SPEAKERS: Mapping[str, Role] = {
    "task_posed": "examiner",
    "attempt_made": "solver",
    "attempt_revised": "solver",
    "critique_written": "critic",
    "task_judged": "guide",
    "hint_given": "guide",
    "lesson_given": "teacher",
}
LEARNT = frozenset({*_SPEAKERS, DEMONSTRATION, "answer_graded"})
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


def trajectories(events: Iterable[Heard]) -> list[Trajectory]:
    """Return a trajectory for every utterance with an answer, by episode and then in order.

    A round that was broken off and played again interleaves its episodes in another way; sorted,
    it gives the same batch and so the same weights.
    """
    needed = [event for event in events if event.kind in LEARNT]
    needed.sort(key=attrgetter("episode", "seq"))
    heard = [(event, event.message) for event in needed]
    grades = {message.of: message for _, message in heard if isinstance(message, AnswerGraded)}
    lessons = _lessons(heard, grades)
    return [
        _trajectory(event, message, said, grades.get(event.seq), lessons.get(event.seq, ()))
        for event, message in heard
        if (said := event.utterance) is not None
        and said.tokens
        and isinstance(message, Spoken | DemonstrationGiven)
    ]


def groups(told: Sequence[Trajectory]) -> list[Group]:
    """Group answers to one ask; where an ask has one answer, a role's answers of the same kind."""
    members: dict[tuple[str, str, int | None], list[Trajectory]] = defaultdict(list)
    for each in told:
        cause = each.cause if each.kind in _IN_GROUPS else None
        members[each.role, each.kind, cause].append(each)
    return [Group(group[0].role, group[0].kind, tuple(group)) for group in members.values()]


def _lessons(
    heard: Iterable[tuple[Heard, AnyMessage | UnknownMessage]], grades: Mapping[int, AnswerGraded]
) -> dict[int, tuple[Lesson, ...]]:
    lessons: dict[int, tuple[Lesson, ...]] = defaultdict(tuple)
    for event, lesson in heard:
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
    event: Heard,
    message: Spoken | DemonstrationGiven,
    said: Utterance,
    grade: AnswerGraded | None,
    lessons: tuple[Lesson, ...],
) -> Trajectory:
    spoken = message if isinstance(message, Spoken) else None
    return Trajectory(
        source=event.seq,
        role=message.role if isinstance(message, DemonstrationGiven) else _SPEAKERS[event.kind],
        kind=event.kind,
        cause=event.cause,
        task=event.task,
        round=event.round,
        policy_version=event.policy_version if spoken else None,
        prompt=said.prompt_tokens,
        tokens=said.tokens,
        logprobs=said.logprobs,
        temperature=spoken.temperature if spoken else 1.0,
        truncated=bool(spoken and spoken.truncated),
        reward=None if grade is None else grade.reward,
        parts={} if grade is None else grade.parts,
        lessons=lessons,
    )
