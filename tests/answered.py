"""A run of two rounds in which every kind of answer occurs, with token ids that are texts."""

import asyncio
from pathlib import Path

import told

from simctl.agents.policy.alphabet import END, encode
from simctl.bus.answers import (
    ActionTaken,
    AttemptMade,
    AttemptRevised,
    CritiqueWritten,
    LessonGiven,
    Spoken,
    TaskPosed,
)
from simctl.bus.asks import PoseTask, SolveTask
from simctl.bus.event import Utterance
from simctl.bus.messages import (
    AnswerGraded,
    DemonstrationGiven,
    RoundEnded,
    RoundStarted,
    RunEnded,
    RunStarted,
    TaskChecked,
)
from simctl.cli.policies import embedded
from simctl.cli.recipe import Recipe, dump
from simctl.store.duck import DuckLog
from simctl.store.policies import PolicyStore

ASKED = f"@{told.PROBLEM}>"
RIGHT, WRONG, WORSE = told.SOLUTION, told.WRONG, "k+5=1"
# of each round; in the second one, two tasks have one problem, and so one prompt
EPISODES = (
    (((WRONG, 0.25), (RIGHT, 1.0), (WORSE, 0.0)),),
    (((RIGHT, 1.0),), ((WRONG, 0.25),)),
)


class Telling(told.Story):
    """Says answers in texts, and grades them."""

    def answer(
        self,
        message: Spoken | DemonstrationGiven,
        sender: str,
        prompt: str,
        text: str,
        reward: float | None = None,
        **details: object,
    ) -> int:
        tokens = encode(text if getattr(message, "truncated", False) else text + END)
        spoken = Utterance(encode(prompt), tokens, (-0.5,) * len(tokens))
        seq = self.tell(message, sender, utterance=spoken, **details)
        if reward is not None:
            task = int(str(details.get("task", seq)))
            role = "teacher" if getattr(message, "privileged", False) else sender
            parts = {"correct": reward} if sender == "solver" else {"worth": reward}
            grade = {"task": task, "of": seq, "role": role, "reward": reward, "parts": parts}
            details |= {"task": task, "cause": seq}
            self.tell(AnswerGraded.model_validate(grade), "environment", **details)
        return seq


def _episode(story: Telling, index: int, *solutions: tuple[str, float]) -> None:
    at: dict[str, object] = {"episode": f"e{story.round}.{index:03d}"}
    ask = story.tell(PoseTask(), "episode", recipient="examiner", **at)
    posed = TaskPosed(problem=told.PROBLEM)
    task = story.answer(posed, "examiner", "#>", told.PROBLEM, 0.5, cause=ask, **at)
    at["task"] = task
    checked = TaskChecked(task=task, valid=True, gates={}, difficulty=3, reference=RIGHT)
    story.tell(checked, "environment", **at)
    wanted = SolveTask(task=task, problem=told.PROBLEM, n=len(solutions))
    at["cause"] = story.tell(wanted, "episode", recipient="solver", **at)
    for place, (text, reward) in enumerate(solutions):
        made = AttemptMade(task=task, index=place, attempt=text)
        story.answer(made, "solver", ASKED, text, reward, **at)


def _aftermath(story: Telling) -> None:
    """Say of the first task what else can be said."""
    task = next(at for at, each in enumerate(story.drafts, 1) if each.message.kind == "task_posed")
    of = next(at for at, each in enumerate(story.drafts, 1) if each.message.kind == "attempt_made")
    at: dict[str, object] = {"episode": f"e{story.round}.000", "task": task, "cause": of}
    ours = CritiqueWritten(task=task, of=of, critique="k+5=2", verdict=False)
    story.answer(ours, "critic", f"${told.PROBLEM}>", "k+5=2", 1.0, **at)
    seen = ours.model_copy(update={"privileged": True})
    story.answer(seen, "critic", f"&{told.PROBLEM}>", "k+5=2", 0.0, **at)
    lesson = LessonGiven(task=task, of=of, view="critique", solution=RIGHT)
    story.answer(lesson, "teacher", f"%{told.PROBLEM}>", RIGHT, None, **at)
    revised = AttemptRevised(task=task, index=0, prefix="k+5=2", attempt=RIGHT, truncated=True)
    story.answer(revised, "solver", f"{ASKED}k+5=2", RIGHT.removeprefix("k+5=2"), 1.0, **at)
    for turn in (1, 2):  # both share what the last one earned
        acted = ActionTaken(task=task, index=0, turn=turn, action="k+5=2")
        reward = 1.0 if turn == 2 else None
        story.answer(acted, "solver", ASKED + "k+5=2" * (turn - 1), "k+5=2", reward, **at)
    shown = DemonstrationGiven(role="critic", prompt="$", answer="k")
    story.answer(shown, "environment", "$", "k", None, episode=str(at["episode"]))


def write(run_dir: Path, recipe: Recipe) -> Path:
    """Write the run as a real one leaves it, with the embedded policy as version 0."""
    story = Telling()
    story.tell(RunStarted(recipe=dump(recipe), seed=1, policy_sha256="", machine={}))
    for number, episodes in enumerate(EPISODES, 1):
        story.round = number
        story.tell(RoundStarted(episodes=len(episodes)))
        for index, solutions in enumerate(episodes):
            _episode(story, index, *solutions)
        if number == 1:
            _aftermath(story)
        story.tell(RoundEnded(episodes=len(episodes)))
    story.tell(RunEnded(reason="finished"))
    run_dir.mkdir(parents=True)
    (run_dir / "run.toml").write_text(dump(recipe), encoding="utf-8")
    PolicyStore(run_dir / "policies").adopt(embedded())
    with DuckLog(run_dir / "log.duckdb", run=run_dir.name) as log:
        asyncio.run(log.append(story.drafts))
    return run_dir
