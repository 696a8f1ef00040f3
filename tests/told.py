"""A small run that was only told: a log written without any agent or model."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from simctl.agents.tasks.chain import critique_of, first_wrong, parse, solve
from simctl.bus.answers import (
    AttemptMade,
    CritiqueWritten,
    LessonGiven,
    TaskPosed,
)
from simctl.bus.asks import PoseTask, SolveTask
from simctl.bus.event import Draft, Event, Utterance
from simctl.bus.messages import (
    AnswerGraded,
    AnyMessage,
    CurriculumMoved,
    EpisodeEnded,
    EpisodeStarted,
    PolicyEvaluated,
    PolicySynced,
    PolicyUpdated,
    RoundEnded,
    RoundStarted,
    RunEnded,
    RunStarted,
    TaskChecked,
)
from simctl.cli.recipe import Recipe, dump
from simctl.store.duck import DuckLog
from simctl.store.memory_log import ListLog

PROBLEM = "7k+5l*3m-4"
SOLUTION = solve(parse(PROBLEM))
WRONG = "k+5=2l*3=7m-4=3"
ROUNDS = 3


class Story:
    """Drafts in the order in which they are told; the log will number them from 1."""

    def __init__(self) -> None:
        self.drafts: list[Draft] = []
        self.round = 0
        self._pseqs: dict[str, int] = {}

    def tell(self, message: AnyMessage, sender: str = "society", **details: object) -> int:
        episode = str(details.get("episode", ""))
        producer = episode if sender in {"episode", "environment"} else sender
        pseq = self._pseqs.get(producer, 0)
        self._pseqs[producer] = pseq + 1
        version = max(self.round - 1, 0) if sender != "environment" else None
        draft = Draft(
            producer, 0, pseq, message, sender, round=self.round, policy_version=version, **details
        )
        self.drafts.append(draft)
        return len(self.drafts)


def said(prompt: int, answer: int) -> Utterance:
    return Utterance(tuple(range(prompt)), tuple(range(answer)), (-0.5,) * answer)


def evaluation(story: Story) -> None:
    for suite, share in (("targets", 0.3), ("beyond-12", 0.1)):
        score = round(share * story.round, 6)
        version = story.round
        scores = {"greedy": score, "sampled": score / 2}
        story.tell(PolicyEvaluated(version=version, suite=suite, scores=scores, problems=10))


def episode(story: Story, index: int) -> None:
    at: dict[str, object] = {"episode": f"e{story.round}.{index:03d}"}
    story.tell(EpisodeStarted(name="seminar"), "environment", **at)
    ask = story.tell(PoseTask(), "episode", recipient="examiner", **at)
    task = story.tell(
        TaskPosed(problem=PROBLEM), "examiner", cause=ask, utterance=said(2, 11), **at
    )
    at["task"] = task
    checked = TaskChecked(
        task=task, valid=True, gates={"parses": True}, difficulty=3, reference=SOLUTION
    )
    story.tell(checked, "environment", cause=task, **at)
    ask = story.tell(
        SolveTask(task=task, problem=PROBLEM, n=2), "episode", recipient="solver", **at
    )
    for place, text in enumerate((SOLUTION, WRONG)):
        attempt(story, ask, place, text, at)
    grade(story, "examiner", task, 1.0, at)
    story.tell(EpisodeEnded(outcome="completed"), "environment", **at)


def attempt(story: Story, ask: int, place: int, text: str, at: dict[str, object]) -> None:
    task = int(str(at["task"]))
    made = AttemptMade(task=task, index=place, attempt=text)
    of = story.tell(made, "solver", cause=ask, utterance=said(12, 16), **at)
    wrong = first_wrong(parse(PROBLEM), text)
    right = float(wrong is None)
    grade(story, "solver", of, right, at, first_wrong=wrong)
    if wrong is not None:
        criticism = critique_of(parse(PROBLEM), text)
        written = CritiqueWritten(task=task, of=of, critique=criticism, verdict=False)
        grade(story, "critic", story.tell(written, "critic", utterance=said(30, 20), **at), 1.0, at)
        lesson = LessonGiven(task=task, of=of, view="critique", solution=SOLUTION)
        story.tell(lesson, "teacher", utterance=said(40, 16), **at)


def grade(  # noqa: PLR0913 - what a grade says
    story: Story,
    role: str,
    of: int,
    reward: float,
    at: dict[str, object],
    *,
    first_wrong: int | None = None,
) -> None:
    given = AnswerGraded.model_validate(
        {
            "task": at["task"],
            "of": of,
            "role": role,
            "reward": reward,
            "parts": {"right": reward},
            "first_wrong": first_wrong,
        }
    )
    story.tell(given, "environment", cause=of, **at)


def tale(recipe: Recipe, *, rounds: int = ROUNDS, ended: bool = True) -> list[Draft]:
    """A run of `rounds` rounds with two episodes each; `ended` or broken off."""
    story = Story()
    told = RunStarted(recipe=dump(recipe), seed=recipe.seed, policy_sha256="00" * 32, machine={})
    story.tell(told)
    evaluation(story)
    for number in range(1, rounds + 1):
        story.round = number
        story.tell(RoundStarted(episodes=2))
        story.tell(CurriculumMoved(weights={"new": 1.0}))
        for index in range(2):
            episode(story, index)
        story.tell(RoundEnded(episodes=2))
        updated = PolicyUpdated(version=number, parent=number - 1, sha256="11" * 32, metrics={})
        story.tell(updated, "trainer")
        story.tell(PolicySynced(version=number, sampler="sampler", ok=True, delta=0.0))
        evaluation(story)
    if ended:
        story.tell(RunEnded(reason="finished"))
    return story.drafts


def fixed() -> list[Draft]:
    """A run whose every byte is fixed: no recipe of the package is in it."""
    first, *rest = tale(Recipe())
    begun = RunStarted(recipe="", seed=0, policy_sha256="", machine={})
    return [replace(first, message=begun), *rest]


def events(recipe: Recipe, **details: object) -> Iterator[Event]:
    return iter(ListLog("told").place(tale(recipe, **details)))


def write(run_dir: Path, recipe: Recipe, **details: object) -> Path:
    """Write such a run to a directory, as a real one leaves it."""
    run_dir.mkdir(parents=True)
    (run_dir / "run.toml").write_text(dump(recipe), encoding="utf-8")
    with DuckLog(run_dir / "log.duckdb", run=run_dir.name) as log:
        asyncio.run(log.append(tale(recipe, **details)))
    return run_dir
