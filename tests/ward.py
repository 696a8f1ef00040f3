"""A ward: told runs of societies that stay well, or fall ill in a given way from a round on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from told import Story, said

from simctl.agents.health.levels import Levels
from simctl.agents.health.watch import Watch
from simctl.agents.tasks.chain import ChainTasks, draw
from simctl.bus.answers import AttemptMade, TaskPosed
from simctl.bus.asks import PoseTask, SolveTask
from simctl.bus.dice import dice
from simctl.bus.event import Draft
from simctl.bus.messages import (
    AnswerGraded,
    EpisodeEnded,
    EpisodeStarted,
    PolicyEvaluated,
    PolicyUpdated,
    RoundEnded,
    RoundStarted,
    RunEnded,
    RunStarted,
    TaskChecked,
)
from simctl.store.memory_log import ListLog

TASKS, ATTEMPTS, ILL = 10, 4, 6  # ILL: the first round of an illness
ROUNDS = 14
ENV = ChainTasks({})


def fresh(number: int, operations: int = 5) -> str:
    return ENV.draw(operations, dice(0, "ward", number))


@dataclass(frozen=True)
class Round:
    """What the society does in a round."""

    problem: Callable[[int], str] = fresh  # by its number in the run
    valid: bool = True
    right: tuple[int, ...] = (1, 2, 3, 2, 1)  # of the attempts at a task, one task after another
    labels: float = 0.9  # share of the votes that are right
    entropy: float = 1.0
    answer: int = 12  # tokens
    failed: int = 0  # episodes
    score: Callable[[int], float] = lambda number: 0.05 * number
    best: float = 0.8


Ills = Mapping[str, object]


def _again(_: int) -> str:
    return "7k+5l*3m-4n+2"


def _idle(number: int) -> str:
    return str(draw(10, dice(0, "ward", number), idle=0.8))


PLANTED: dict[str, tuple[Ills, set[str]]] = {
    "all tasks are one": ({"problem": _again}, {"duplicates"}),
    "no task is valid": ({"valid": False}, {"valid"}),
    "nothing is solved": ({"right": (0,)}, {"informative/solver"}),
    "all is solved": ({"right": (ATTEMPTS,)}, {"informative/solver"}),
    "labels drift": ({"labels": 0.5}, {"label_accuracy"}),
    "entropy falls": ({"entropy": 0.1}, {"entropy/solver"}),
    "entropy blows up": ({"entropy": 3.0}, {"entropy/solver"}),
    "answers swell": ({"answer": 60}, {"growth/solver_length"}),
    "tasks swell": (
        {"problem": lambda number: fresh(number, 20)},
        {"growth/length", "growth/operators", "growth/difficulty"},
    ),
    "tasks need no thought": ({"problem": _idle}, {"growth/degenerate"}),
    "episodes fail": ({"failed": 2}, {"errors"}),
    "the policy is only sharpened": ({"best": 0.6}, {"pass_at_k"}),
    "targets stay": ({"right": (2, 3, 3, 4, 3), "score": lambda _: 0.25}, {"targets"}),
}


def course(ills: Ills, *, until: int = ROUNDS, rounds: int = ROUNDS) -> list[Round]:
    """Return rounds that are ill from ILL to `until`, and well before and after."""
    well = Round()
    ill = replace(well, **ills)  # type: ignore[arg-type]
    return [ill if ILL <= number <= until else well for number in range(1, rounds + 1)]


def tale(course_: list[Round], recipe: str = "", measured: Levels | None = None) -> list[Draft]:
    """Return the events of a run, evaluated in every second round.

    With `measured` the society says at the end of a round how healthy it is.
    """
    story, watch = Story(), Watch(measured or Levels())
    story.tell(RunStarted(recipe=recipe, seed=0, policy_sha256="00" * 32, machine={}))
    for number, each in enumerate(course_, 1):
        story.round = number
        tell(story, each)
        if measured is not None:
            _measure(story, watch)
    story.tell(RunEnded(reason="finished"))
    return story.drafts


def tell(story: Story, each: Round) -> None:
    number = story.round
    story.tell(RoundStarted(episodes=TASKS))
    for index in range(TASKS):
        _episode(story, each, index)
    story.tell(RoundEnded(episodes=TASKS))
    if number % 2 == 0:
        scores = {"greedy": each.score(number), "pass@8": each.best}
        version = number - 1
        story.tell(PolicyEvaluated(version=version, suite="targets", scores=scores, problems=10))
    metrics = {"entropy/solver": each.entropy}
    updated = PolicyUpdated(version=number, parent=number - 1, sha256="", metrics=metrics)
    story.tell(updated, "trainer")


def _measure(story: Story, watch: Watch) -> None:
    placed = ListLog().place(story.drafts)
    found, raised = watch.observe(event for event in placed if event.round == story.round)
    story.tell(found)
    for alarm in raised:
        story.tell(alarm)


def _episode(story: Story, each: Round, index: int) -> None:
    at: dict[str, object] = {"episode": f"e{story.round}.{index:03d}"}
    story.tell(EpisodeStarted(name="propose"), "environment", **at)
    ask = story.tell(PoseTask(), "episode", recipient="examiner", **at)
    problem = each.problem(TASKS * story.round + index)
    found = ENV.check(problem)
    posed = TaskPosed(problem=problem)
    task = story.tell(posed, "examiner", cause=ask, utterance=said(2, 11), **at)
    at["task"] = task
    checked = TaskChecked(
        task=task,
        valid=each.valid,
        gates={"labels_follow": each.valid},
        difficulty=found.difficulty,
        degenerate=found.degenerate,
    )
    story.tell(checked, "environment", cause=task, **at)
    if each.valid:
        _attempts(story, each, index, problem, at)
    outcome = "failed" if index < each.failed else "completed" if each.valid else "invalid_task"
    story.tell(EpisodeEnded(outcome=outcome), "environment", **at)


def _attempts(story: Story, each: Round, index: int, problem: str, at: dict[str, object]) -> None:
    task = int(str(at["task"]))
    ask = SolveTask(task=task, problem=problem, n=ATTEMPTS)
    asked = story.tell(ask, "episode", recipient="solver", **at)
    for place in range(ATTEMPTS):
        made = AttemptMade(task=task, index=place, attempt="")
        of = story.tell(made, "solver", cause=asked, utterance=said(12, each.answer), **at)
        correct = float(place < each.right[index % len(each.right)])
        honest = (index * ATTEMPTS + place) % 10 < 10 * each.labels
        parts = {"correct": correct, "vote": correct if honest else 1 - correct}
        graded = AnswerGraded(task=task, of=of, role="solver", reward=correct, parts=parts)
        story.tell(graded, "environment", cause=of, **at)
