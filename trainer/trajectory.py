"""Folds events into trajectories. Pure: the same events always give the same trajectories."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, NamedTuple

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from simctl.bus.answers import LessonGiven
from simctl.bus.asks import Role, View
from simctl.bus.event import Event, Utterance
from simctl.bus.messages import DemonstrationGiven
from simctl.bus.order import as_asked
from simctl.bus.upcast import modern
from simctl.store.said import Said

Heard = Event | Said
DEMONSTRATION = "demonstration_given"
GRADED = "answer_graded"
CHECKED = "task_checked"
LESSON = "lesson_given"
ATTEMPT, REVISION, ACTION = "attempt_made", "attempt_revised", "action_taken"
CRITIQUE = "critique_written"
_SPEAKERS: Mapping[str, Role] = {
    "task_posed": "examiner",
    "error_planted": "examiner",
    ATTEMPT: "solver",
    REVISION: "solver",
    ACTION: "solver",
    "value_estimated": "critic",
    CRITIQUE: "critic",
    "task_judged": "guide",
    "hint_given": "guide",
    LESSON: "teacher",
}
LEARNT = frozenset({*_SPEAKERS, DEMONSTRATION, GRADED, CHECKED})
# what an answer is to its objective: a message kind, and for attempts what they went on from
Sort = Literal[
    "task",
    "error",
    "attempt",
    "hinted",
    "continued",
    "revised",
    "action",
    "value",
    "critique",
    "judgement",
    "hint",
    "lesson",
    "demonstration",
]
_SORTS: Mapping[str, Sort] = {
    "task_posed": "task",
    "error_planted": "error",
    ATTEMPT: "attempt",
    ACTION: "action",
    "value_estimated": "value",
    CRITIQUE: "critique",
    "task_judged": "judgement",
    "hint_given": "hint",
    LESSON: "lesson",
    DEMONSTRATION: "demonstration",
}


class _Manner(TypedDict, total=False):
    """How something was said: what learning reads of most messages, at a third of the cost."""

    temperature: float
    truncated: bool
    of: int | None
    index: int
    turn: int
    hint: str
    prefix: str
    partial: str
    attempt: str
    verdict: bool
    privileged: bool


class _Checked(TypedDict):
    """What learning reads of the gates' verdict."""

    task: int
    difficulty: int


class _Grade(TypedDict):
    """What learning reads of a grade."""

    of: int
    reward: float
    parts: dict[str, float]


_MANNERS, _GRADES, _CHECKS = TypeAdapter(_Manner), TypeAdapter(_Grade), TypeAdapter(_Checked)
Place = tuple[str | int | None, ...]


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
    `of` is the event that it is about: the attempt that is revised, criticised or taught on.
    `stem` is the partial solution that it goes on from or speaks of, and `text` the whole one.
    `place` is its place among the answers to one ask, or names its rollout. `difficulty` is that of
    its task. All turns of a rollout share the reward of its last one.
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
    of: int | None = None
    place: int = 0
    turn: int = 1
    hinted: bool = False
    stem: str = ""
    text: str = ""
    verdict: bool | None = None
    difficulty: int = 0

    @property
    def sort(self) -> Sort:
        """What it is to an objective: attempts differ by what their prompt showed."""
        if self.kind == REVISION:
            return "revised" if self.of is not None else "continued"
        return "hinted" if self.hinted else _SORTS[self.kind]

    @property
    def about(self) -> int:
        """The task that it counts for; what poses a task counts for that one."""
        return self.source if self.task is None else self.task

    @property
    def unended(self) -> tuple[int, ...]:
        """Its tokens without the one that ends it."""
        return self.tokens if self.truncated else self.tokens[:-1]

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

    @property
    def sort(self) -> Sort:
        """What its answers are."""
        return self.trajectories[0].sort

    @property
    def rollouts(self) -> list[tuple[Trajectory, ...]]:
        """The answers, those of one exchange of several turns together: they have one return."""
        if self.kind != ACTION:
            return [(each,) for each in self.trajectories]
        turns: dict[int, list[Trajectory]] = defaultdict(list)
        for each in self.trajectories:
            turns[each.place].append(each)
        return [tuple(each) for each in turns.values()]


def trajectories(events: Iterable[Heard]) -> list[Trajectory]:
    """Return a trajectory for every utterance with an answer, by episode and then as it was asked.

    A round that was broken off and played again interleaves its episodes in another way, and
    workers answer what an episode asks at once in any order; sorted, both give the same batch and
    so the same weights.
    """
    spoken: list[tuple[Heard, Utterance, _Manner]] = []
    grades: dict[int, _Grade] = {}
    difficulties: dict[int, int] = {}
    for event in sorted(events, key=as_asked):
        learnt = event.kind in LEARNT
        text = modern(event.kind, event.schema, event.payload) if learnt else None
        if text is None:
            continue
        if event.kind == GRADED:
            grade = _GRADES.validate_json(text)
            grades[grade["of"]] = grade
        elif event.kind == CHECKED:
            checked = _CHECKS.validate_json(text)
            difficulties[checked["task"]] = checked["difficulty"]
        elif event.utterance is not None:
            spoken.append((event, event.utterance, _MANNERS.validate_json(text)))
    _share_returns(spoken, grades)
    lessons = _lessons((event for event, _, _ in spoken if event.kind == LESSON), grades)
    return [
        _trajectory(
            event,
            said,
            manner,
            grades.get(event.seq),
            lessons.get(event.seq, ()),
            difficulty=difficulties.get(event.seq if event.task is None else event.task, 0),
        )
        for event, said, manner in spoken
        if said.tokens
    ]


def groups(told: Sequence[Trajectory]) -> list[Group]:
    """Group what is compared: answers to one ask; else a role's answers of one kind in the round.

    Attempts at different tasks are never compared. Revisions that were asked for one by one are
    compared within their task and turn, and rollouts of several turns within their task.
    """
    asked: Counter[tuple[str, int | None]] = Counter((each.role, each.cause) for each in told)
    members: dict[tuple[object, ...], list[Trajectory]] = defaultdict(list)
    for each in told:
        members[each.role, each.kind, *_company(each, asked)].append(each)
    return [Group(group[0].role, group[0].kind, tuple(group)) for group in members.values()]


def _company(told: Trajectory, asked: Counter[tuple[str, int | None]]) -> Place:
    """Return what tells a group from others of its role and kind."""
    many = asked[told.role, told.cause] > 1
    match told.kind:
        case "attempt_made":
            return ("ask", told.cause)
        case "attempt_revised":
            alone = told.of is not None and not many
            return ("task", told.task, told.turn) if alone else ("ask", told.cause)
        case "action_taken" | "lesson_given":
            return ("task", told.task)
        case "critique_written" if many:
            return ("ask", told.cause)
        case _:
            return ()


def _share_returns(
    spoken: Sequence[tuple[Heard, Utterance, _Manner]], grades: dict[int, _Grade]
) -> None:
    """Give every turn of a rollout the grade of the last turn that has one."""
    turns: dict[tuple[int | None, int], list[int]] = defaultdict(list)
    for event, _, manner in spoken:
        if event.kind == ACTION:
            turns[event.task, manner.get("index", 0)].append(event.seq)
    for rollout in turns.values():
        last = next((grades[seq] for seq in reversed(rollout) if seq in grades), None)
        if last is not None:
            grades.update((seq, last) for seq in rollout)


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


def _trajectory(  # noqa: PLR0913 - an event, and what became of it
    event: Heard,
    said: Utterance,
    manner: _Manner,
    grade: _Grade | None,
    lessons: tuple[Lesson, ...],
    *,
    difficulty: int,
) -> Trajectory:
    shown = event.message if event.kind == DEMONSTRATION else None
    role = shown.role if isinstance(shown, DemonstrationGiven) else _SPEAKERS[event.kind]
    return Trajectory(
        source=event.seq,
        role="teacher" if manner.get("privileged") else role,
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
        of=manner.get("of"),
        place=manner.get("index", 0),
        turn=manner.get("turn", 1),
        hinted=bool(manner.get("hint")) and event.kind == ATTEMPT,
        stem=manner.get("prefix") or manner.get("partial", ""),
        text=manner.get("attempt", ""),
        verdict=manner.get("verdict"),
        difficulty=difficulty,
    )
