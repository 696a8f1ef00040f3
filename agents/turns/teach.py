"""Teaching: the teacher's view of each attempt is laid out, or the teacher solves under it."""

from collections.abc import Sequence

from simctl.agents.scene import Marked, Scene, Tried, expect
from simctl.agents.turns.scorers.scorer import Scorer
from simctl.agents.turns.view import part
from simctl.bus.answers import LessonGiven
from simctl.bus.asks import GiveLesson, View

_OF_ATTEMPTS = {"critique", "attempt"}  # views that show the attempt, with a remark


async def teach(
    scene: Scene,
    shown: Sequence[tuple[Marked, str]],
    view: View,
    scorer: Scorer | None = None,
    *,
    reveal: float = 1.0,
) -> list[Marked]:
    """Give a lesson on each attempt with the text that its view shows, or the part `reveal` of it.

    With a scorer the teacher solves the task itself under its view, and its solutions are returned;
    without one it only lays out its view.
    """
    speak = scorer is not None
    asks = [_ask(scene, attempt, text, view, reveal, speak=speak) for attempt, text in shown]
    said = await scene.stage.ask_all("teacher", asks, task=scene.task.task)
    if scorer is None:
        return []
    tried = [
        Tried(event, solution, scene.env.grade_attempt(scene.task.problem, solution))
        for [event] in said
        for solution in [expect(event, LessonGiven).solution]
    ]
    return scene.pay(tried, await scorer.score(scene, tried), "teacher")


def _ask(  # noqa: PLR0913 - what a lesson is made of
    scene: Scene, attempt: Marked, text: str, view: View, reveal: float, *, speak: bool
) -> GiveLesson:
    remarked = view in _OF_ATTEMPTS
    return GiveLesson(
        task=scene.task.task,
        problem=scene.task.problem,
        of=attempt.event,
        view=view,
        reference="" if remarked else part(scene, text, reveal),
        attempt=attempt.attempt if remarked else "",
        critique=text if remarked else "",
        speak=speak,
        reveal=reveal,
        sampling=scene.sampling,
    )
