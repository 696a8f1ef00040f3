"""Folds events into trajectories. Pure: the same events always give the same trajectories."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from types import MappingProxyType
from typing import NamedTuple

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from simctl.bus.answers import LessonGiven
from simctl.bus.asks import Role, View
from simctl.bus.event import Event, Utterance
from simctl.bus.messages import DemonstrationGiven
from simctl.bus.upcast import modern
from simctl.store.said import Said

Heard = Event | Said
DEMONSTRATION = "demonstration_given"
GRADED = "answer_graded"
LESSON = "lesson_given"
_SPEAKERS: Mapping[str, Role] = {
    "task_posed": "examiner",
    "attempt_made": "solver",
    "attempt_revised": "solver",
    "critique_written": "critic",
    "task_judged": "guide",
    "hint_given": "guide",
    LESSON: "teacher",
}
LEARNT = frozenset({*_SPEAKERS, DEMONSTRATION, GRADED})
_IN_GROUPS = frozenset({"attempt_made", "attempt_revised"})  # one ask has many such answers


class _Manner(TypedDict, total=False):
    """How something was said: what learning reads of most messages, at a third of the cost."""

    temperature: float
    truncated: bool


class _Grade(TypedDict):
    """What learning reads of a grade."""

    of: int
    reward: float
    parts: dict[str, float]


_MANNERS, _GRADES = TypeAdapter(_Manner), TypeAdapter(_Grade)


@dataclass(frozen=True, slots=True)
class Lesson:
    """A teacher's view of an attempt. `reward` is what the teacher's own answer under it earned."""

    source: int
    view: View
    prompt: tuple[int, ...]
    spoken: bool
    reward: float | None


class Trajectory(NamedTuple):
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
    parts: Mapping[str, float] = MappingProxyType({})
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
    spoken: list[tuple[Heard, Utterance, _Manner]] = []
    grades: dict[int, _Grade] = {}
    for event in sorted(events, key=attrgetter("episode", "seq")):
        learnt = event.kind in LEARNT
        text = modern(event.kind, event.schema, event.payload) if learnt else None
        if text is None:
            continue
        if event.kind == GRADED:
            grade = _GRADES.validate_json(text)
            grades[grade["of"]] = grade
        elif event.utterance is not None:
            spoken.append((event, event.utterance, _MANNERS.validate_json(text)))
    lessons = _lessons((event for event, _, _ in spoken if event.kind == LESSON), grades)
    return [
        _trajectory(event, said, manner, grades.get(event.seq), lessons.get(event.seq, ()))
        for event, said, manner in spoken
        if said.tokens
    ]


def groups(told: Sequence[Trajectory]) -> list[Group]:
    """Group answers to one ask; where an ask has one answer, a role's answers of the same kind."""
    members: dict[tuple[str, str, int | None], list[Trajectory]] = defaultdict(list)
    for each in told:
        cause = each.cause if each.kind in _IN_GROUPS else None
        members[each.role, each.kind, cause].append(each)
    return [Group(group[0].role, group[0].kind, tuple(group)) for group in members.values()]


def _lessons(given: Iterable[Heard], grades: Mapping[int, _Grade]) -> dict[int, tuple[Lesson, ...]]:
    lessons: dict[int, tuple[Lesson, ...]] = defaultdict(tuple)
    for event in given:
        lesson, said = event.message, event.utterance
        if isinstance(lesson, LessonGiven) and said is not None:
            grade = grades.get(event.seq)
            lessons[lesson.of] += (
                Lesson(
                    source=event.seq,
                    view=lesson.view,
                    prompt=said.prompt_tokens,
                    spoken=bool(said.tokens),
                    reward=None if grade is None else grade["reward"],
                ),
            )
    return lessons


def _trajectory(
    event: Heard,
    said: Utterance,
    manner: _Manner,
    grade: _Grade | None,
    lessons: tuple[Lesson, ...],
) -> Trajectory:
    shown = event.message if event.kind == DEMONSTRATION else None
    return Trajectory(
        source=event.seq,
        role=shown.role if isinstance(shown, DemonstrationGiven) else _SPEAKERS[event.kind],
        kind=event.kind,
        cause=event.cause,
        task=event.task,
        round=event.round,
        policy_version=event.policy_version if shown is None else None,
        prompt=said.prompt_tokens,
        tokens=said.tokens,
        logprobs=said.logprobs,
        temperature=manner.get("temperature", 1.0),
        truncated=manner.get("truncated", False),
        reward=None if grade is None else grade["reward"],
        parts={} if grade is None else grade["parts"],
        lessons=lessons,
    )
