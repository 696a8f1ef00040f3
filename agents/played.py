"""Played: the events of a finished round as curricula read them: tasks, and the tries at each."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from simctl.bus.answers import ActionTaken, AttemptMade, AttemptRevised, TaskPosed
from simctl.bus.asks import ReviseAttempt, SolveTask
from simctl.bus.event import Event
from simctl.bus.messages import AnswerGraded, PolicyUpdated, TaskChecked

_SAID = frozenset(
    {"action_taken", "attempt_made", "attempt_revised", "revise_attempt", "solve_task"}
)


@dataclass(frozen=True)
class Try:
    """A graded answer of the solver. `group` names those that began from the same place.

    `correct` is the verifier's word in [0, 1], `reward` what was paid, which may be a vote's.
    `origin` is what of an answer it began from: an attempt to revise, or a prefix.
    """

    group: int
    correct: float
    reward: float
    text: str = ""
    origin: str = ""
    temperature: float = 1.0
    aided: bool = False


@dataclass
class Task:
    """A task of the round. `seq` is of the event that posed it, `worth` what its poser earned."""

    seq: int
    problem: str
    difficulty: int = 0
    valid: bool = True
    worth: float | None = None
    tries: list[Try] = field(default_factory=list)

    @property
    def alone(self) -> list[Try]:
        """Return the tries that nobody helped: no hint, no prefix, no earlier attempt."""
        return [each for each in self.tries if not each.aided]

    @property
    def groups(self) -> list[list[Try]]:
        """Return the tries, those together that began from the same place."""
        groups: dict[int, list[Try]] = {}
        for each in self.tries:
            groups.setdefault(each.group, []).append(each)
        return list(groups.values())

    @property
    def rate(self) -> float | None:
        """Return the solver's rate alone; None if it did not try."""
        marks = [each.correct for each in self.alone]
        return sum(marks) / len(marks) if marks else None


@dataclass(frozen=True)
class Round:
    """A finished round: its number from 1, and the metrics of the update that it led to."""

    number: int
    episodes: int
    tasks: Sequence[Task]
    metrics: Mapping[str, float]


def read(events: Iterable[Event]) -> Round:
    """Read the events of a round. Tasks and tries stand in the order of their events."""
    known = list(events)
    said = {event.seq: event for event in known if event.kind in _SAID}
    tasks: dict[int, Task] = {}
    metrics: Mapping[str, float] = {}
    for event in known:
        match event.kind:
            case "task_posed" | "task_checked" | "answer_graded":
                _hear(event, tasks, said)
            case "policy_updated" if isinstance(event.message, PolicyUpdated):
                metrics = event.message.metrics
            case _:
                pass
    return Round(
        number=max((event.round for event in known), default=0),
        episodes=sum(event.kind == "episode_started" for event in known),
        tasks=list(tasks.values()),
        metrics=metrics,
    )


def _hear(event: Event, tasks: dict[int, Task], said: Mapping[int, Event]) -> None:
    match event.message:
        case TaskPosed(problem=problem):
            tasks[event.seq] = Task(event.seq, problem)
        case TaskChecked() as checked:
            tasks[checked.task].difficulty = checked.difficulty
            tasks[checked.task].valid = checked.valid
        case AnswerGraded(role="examiner") as grade if grade.of in tasks:
            tasks[grade.of].worth = grade.reward
        case AnswerGraded(role="solver") as grade if grade.task in tasks:
            tasks[grade.task].tries.append(_try(grade, said))
        case _:
            pass


def _try(grade: AnswerGraded, said: Mapping[int, Event]) -> Try:
    event = said.get(grade.of)
    answer = event.message if event else None
    origin, text, group, aided = "", "", grade.task, False
    match answer:
        case AttemptMade():
            text, aided, group = answer.attempt, answer.hint != "", _group(event, grade)
        case AttemptRevised():
            text, aided, group = answer.attempt, True, _group(event, grade)
            origin = answer.prefix or _revised(event, said)
        case ActionTaken():
            text = answer.action
        case _:
            pass
    return Try(
        group=group,
        correct=grade.parts.get("correct", grade.reward),
        reward=grade.reward,
        text=text,
        origin=origin,
        temperature=getattr(answer, "temperature", 1.0),
        aided=aided,
    )


def _group(event: Event | None, grade: AnswerGraded) -> int:
    """Answers to one ask are one group."""
    return grade.task if event is None or event.cause is None else event.cause


def _revised(event: Event | None, said: Mapping[int, Event]) -> str:
    asked = said.get(event.cause) if event and event.cause is not None else None
    match asked.message if asked else None:
        case ReviseAttempt(attempt=attempt):
            return attempt
        case SolveTask(prefix=prefix):
            return prefix
        case _:
            return ""
