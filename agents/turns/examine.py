"""Examining: sets of worked problems, each shown to a copy of the solver that then sits an exam."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from simctl.agents.curriculum import Start
from simctl.agents.scene import Posed, expect, graded, in_play
from simctl.agents.stage import Stage
from simctl.agents.tasks.environment import Environment, Grade
from simctl.agents.turns.pose import check, draw
from simctl.bus.answers import AttemptMade, ExamTaken
from simctl.bus.asks import PoseTask, Role, Sampling, SitExam, SolveTask
from simctl.bus.event import Event
from simctl.bus.messages import AnswerGraded


@dataclass
class Examples:
    """What a copy learns from, and who made it: event, role and task of each thing said."""

    made: list[tuple[Event, Role, int]] = field(default_factory=list)
    tasks: list[Posed] = field(default_factory=list)
    pairs: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Exam:
    """What a copy is examined in, and how it learns before it: `steps` steps of AdamW."""

    problems: tuple[str, ...]
    steps: int
    learning_rate: float
    sampling: Sampling


async def pose_sets(
    stage: Stage, env: Environment, ask: PoseTask, sets: int, size: int
) -> list[Examples]:
    """Let the examiner pose `size` problems for each set; what the gates refuse is in none."""
    found = [Examples() for _ in range(sets)]
    for at, [posed] in enumerate(await stage.ask_all("examiner", [ask] * (sets * size))):
        own = found[at // size]
        checked = check(stage, env, posed)
        if checked.valid:
            own.made.append((posed, "examiner", posed.seq))
            own.tasks.append(in_play(posed, checked))
        else:
            nothing = Grade(parts={"valid": 0.0})
            stage.grade(graded(posed.seq, posed.seq, "examiner", nothing, 0.0))
    return found


async def draw_sets(
    stage: Stage, env: Environment, start: Start, sets: int, size: int
) -> list[Examples]:
    """Let the environment pose `size` problems, which every set has (LbT, 2406.14629)."""
    drawn = [await draw(stage, env, start, f"draw {at}") for at in range(size)]
    tasks = [in_play(posed, checked) for posed, checked in drawn]
    return [Examples(tasks=tasks) for _ in range(sets)]


async def work_out(stage: Stage, own: Examples, sampling: Sampling) -> None:
    """Let the solver work out the problems of a set, unverified."""
    asks = [
        SolveTask(task=each.task, problem=each.problem, sampling=sampling) for each in own.tasks
    ]
    for task, [answer] in zip(own.tasks, await stage.ask_all("solver", asks), strict=True):
        own.made.append((answer, "solver", task.task))
        own.pairs.append((task.problem, expect(answer, AttemptMade).attempt))


async def examine(stage: Stage, sets: Sequence[Examples], exam: Exam) -> list[float]:
    """Return what a copy gains from each set: the same exam, after less before; 0 from an empty."""
    asks = [
        SitExam(
            task=each.tasks[0].task,
            examples=tuple(each.pairs),
            exam=exam.problems,
            steps=exam.steps,
            learning_rate=exam.learning_rate,
            of=tuple(event.seq for event, role, _ in each.made if role == "solver"),
            sampling=exam.sampling,
        )
        for each in sets
        if each.pairs
    ]
    taken = [expect(event, ExamTaken) for [event] in await stage.ask_all("solver", asks)]
    gains = (each.after - each.before for each in taken)
    return [next(gains) if each.pairs else 0.0 for each in sets]


def pay_sets(
    stage: Stage, sets: Sequence[Examples], gains: Sequence[float], rewards: Sequence[float]
) -> None:
    """Reward all that made each set, alike."""
    grades: list[AnswerGraded] = []
    for own, gain, reward in zip(sets, gains, rewards, strict=True):
        grade = Grade(parts={"gain": gain})
        grades += [graded(task, event.seq, role, grade, reward) for event, role, task in own.made]
    stage.grade(*grades)
