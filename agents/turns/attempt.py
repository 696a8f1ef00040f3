"""Attempting: the solver answers in a group, and a scorer says what each answer is worth."""

from collections.abc import Sequence

from simctl.agents.scene import Marked, Scene, Tried, expect
from simctl.agents.tasks.environment import Prepares
from simctl.agents.turns.scorers.scorer import Scorer
from simctl.agents.turns.scorers.verify import Verify
from simctl.bus.answers import AttemptMade, AttemptRevised
from simctl.bus.asks import SolveTask
from simctl.bus.event import Event

VERIFY = Verify()


async def attempt(
    scene: Scene, n: int, scorer: Scorer = VERIFY, *, prefix: str = "", hint: str = ""
) -> list[Marked]:
    """Let the solver attempt the task `n` times, and grade every attempt.

    It goes on from `prefix`; a `hint` is shown to it beside the problem.
    """
    ask = SolveTask(
        task=scene.task.task,
        problem=scene.task.problem,
        n=n,
        prefix=prefix,
        hint=hint,
        sampling=scene.solver_sampling,
    )
    events = await scene.stage.ask("solver", ask, task=scene.task.task)
    return await mark(scene, events, scorer)


async def mark(scene: Scene, events: Sequence[Event], scorer: Scorer = VERIFY) -> list[Marked]:
    """Grade attempts that are compared with each other, by what the scorer makes of them."""
    tried = look(scene, events)
    return scene.pay(tried, await scorer.score(scene, tried))


def look(scene: Scene, events: Sequence[Event]) -> list[Tried]:
    """Return attempts with the verifier's verdicts."""
    texts = [_solution(event) for event in events]
    if isinstance(scene.env, Prepares):
        scene.env.prepare(texts)
    return [
        Tried(event, text, scene.env.grade_attempt(scene.task.problem, text))
        for event, text in zip(events, texts, strict=True)
    ]


def _solution(event: Event) -> str:
    if isinstance(event.message, AttemptRevised):
        return event.message.attempt
    return expect(event, AttemptMade).attempt
