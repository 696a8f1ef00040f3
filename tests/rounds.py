"""Rounds that were only told: tasks with the marks of the tries at them, as a log would hold."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from simctl.bus.answers import AttemptMade, AttemptRevised, TaskPosed
from simctl.bus.asks import ReviseAttempt, Role, SolveTask
from simctl.bus.event import Draft, Event
from simctl.bus.messages import (
    AnswerGraded,
    AnyMessage,
    EpisodeStarted,
    PolicyUpdated,
    TaskChecked,
)
from simctl.store.memory_log import ListLog


@dataclass(frozen=True)
class Told:
    """A task and how its tries went; the texts are their own unless they are given.

    Tries that go on from `attempt` are revisions of it. `paid` is what tries earned, if not marks.
    """

    problem: str
    difficulty: int = 3
    marks: Sequence[float] = ()
    paid: Sequence[float] | None = None
    texts: Sequence[str] | None = None
    attempt: str = ""
    hint: str = ""
    temperature: float = 1.0
    worth: float | None = None
    valid: bool = True


def rounds(*told: Sequence[Told], metrics: Sequence[dict[str, float]] = ()) -> list[list[Event]]:
    """Return the events of each round, numbered from 1; metrics of the update are per round."""
    drafts: list[Draft] = []

    def say(message: AnyMessage, sender: str, number: int, cause: int | None = None) -> int:
        drafts.append(Draft("all", 0, len(drafts), message, sender, round=number, cause=cause))
        return len(drafts)

    for number, tasks in enumerate(told, 1):
        for task in tasks:
            say(EpisodeStarted(name="solve"), "society", number)
            _tell(task, number, say)
        if len(metrics) >= number:
            update = PolicyUpdated(
                version=number, parent=number - 1, sha256="", metrics=metrics[number - 1]
            )
            say(update, "trainer", number)
    events = ListLog("told").place(drafts)
    return [[each for each in events if each.round == at] for at in range(1, len(told) + 1)]


def _tell(told: Told, number: int, say: Callable[..., int]) -> None:
    task = say(TaskPosed(problem=told.problem), "examiner", number)
    checked = TaskChecked(
        task=task, valid=told.valid, gates={"parses": told.valid}, difficulty=told.difficulty
    )
    say(checked, "environment", number)
    asked = say(_ask(told, task), "episode", number)
    texts = told.texts or [f"{told.problem} {at}" for at in range(len(told.marks))]
    tries = [
        say(_answer(told, task, at, text), "solver", number, asked) for at, text in enumerate(texts)
    ]
    for of, mark, paid in zip(tries, told.marks, told.paid or told.marks, strict=True):
        say(_grade(task, of, "solver", paid, {"correct": mark}), "environment", number)
    if told.worth is not None:
        say(_grade(task, task, "examiner", told.worth, {}), "environment", number)


def _ask(told: Told, task: int) -> SolveTask | ReviseAttempt:
    n = max(len(told.marks), 1)
    if told.attempt:
        return ReviseAttempt(task=task, problem=told.problem, of=task, attempt=told.attempt, n=n)
    return SolveTask(task=task, problem=told.problem, n=n, hint=told.hint)


def _answer(told: Told, task: int, at: int, text: str) -> AttemptMade | AttemptRevised:
    if told.attempt:
        return AttemptRevised(task=task, index=at, prefix="", attempt=text, of=task)
    return AttemptMade(
        task=task, index=at, attempt=text, hint=told.hint, temperature=told.temperature
    )


def _grade(task: int, of: int, role: Role, reward: float, parts: dict[str, float]) -> AnswerGraded:
    return AnswerGraded(task=task, of=of, role=role, reward=reward, parts=parts)
