"""Judging: the guide says how good a problem is."""

from simctl.agents.scene import Scene, expect
from simctl.bus.answers import TaskJudged
from simctl.bus.asks import JudgeTask


async def judge(scene: Scene) -> float:
    """Return the guide's probability that the problem is a proper one; the verifier grades it."""
    ask = JudgeTask(task=scene.task.task, problem=scene.task.problem, sampling=scene.sampling)
    [event] = await scene.stage.ask("guide", ask, task=scene.task.task)
    judged = expect(event, TaskJudged)
    grade = scene.env.grade_judgement(scene.task.problem, judged.judgement)
    scene.stage.grade(scene.grade(event, "guide", grade, grade.parts["right"]))
    return judged.clean
