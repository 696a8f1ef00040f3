"""Rescoring: the graded solutions of a log, each with the grade that another verifier gives it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from simctl.bus.answers import (
    AttemptMade,
    AttemptRevised,
    LessonGiven,
    TaskPosed,
)
from simctl.bus.event import Draft
from simctl.bus.messages import (
    AnswerGraded,
    AnswerRescored,
)
from simctl.bus.values import canonical
from simctl.cli.verifiers import REWARD, Verifier
from simctl.store.said import Said

READ = frozenset({"task_posed", "attempt_made", "attempt_revised", "lesson_given", "answer_graded"})
RESCORE = "rescore"
RESCORED = "answer_rescored"
_SOLVING = ("solver", "teacher")  # the roles whose answers are solutions


@dataclass(frozen=True)
class Rescore:
    """The grade that the log has of a solution, and the new one."""

    before: AnswerGraded
    after: AnswerRescored
    round: int
    episode: str


def rescores(events: Iterable[Said], verifier: Verifier, name: str) -> Iterator[Rescore]:
    """Give the new grade of every solution that has one, in the order of the grades."""
    problems: dict[int, str] = {}
    solutions: dict[int, str] = {}
    round_ = 0
    for event in events:
        if event.round != round_:  # what was said in a round is graded in it
            round_ = event.round
            problems.clear()
            solutions.clear()
        match event.message:
            case TaskPosed(problem=problem):
                problems[event.seq] = problem
            case AttemptMade(attempt=text) | AttemptRevised(attempt=text):
                solutions[event.seq] = text
            case LessonGiven(solution=text):
                solutions[event.seq] = text
            case AnswerGraded() as grade if grade.role in _SOLVING and grade.of in solutions:
                given = verifier(problems[grade.task], solutions.pop(grade.of))
                after = AnswerRescored(
                    task=grade.task,
                    of=grade.of,
                    role=grade.role,
                    verifier=name,
                    reward=given.parts[REWARD],
                    parts={key: each for key, each in given.parts.items() if key != REWARD},
                    first_wrong=given.first_wrong,
                )
                yield Rescore(grade, after, event.round, event.episode)
            case _:
                pass


def draft(each: Rescore, epoch: int, pseq: int) -> Draft:
    """Return what is to be written of a new grade: caused by what is graded, in its round."""
    return Draft(
        producer=RESCORE,
        epoch=epoch,
        pseq=pseq,
        message=each.after,
        sender=RESCORE,
        episode=each.episode,
        round=each.round,
        cause=each.after.of,
        task=each.after.task,
    )


def with_rewards(events: Iterable[Said], rescored: Iterable[Said], name: str) -> Iterator[Said]:
    """Give events with the grades of verifier `name` in place of those that the log has first.

    `rescored` are the new grades; they stand in the log in the order of the old ones.
    """
    after = (each.message for each in rescored)
    given = (each for each in after if isinstance(each, AnswerRescored) and each.verifier == name)
    following = next(given, None)
    for event in events:
        before = event.message if event.kind == "answer_graded" else None
        if isinstance(before, AnswerGraded) and following and following.of == before.of:
            told = following.model_dump(exclude={"kind", "verifier"})
            event = event._replace(payload=canonical(AnswerGraded(**told)))  # noqa: PLW2901
            following = next(given, None)
        yield event
