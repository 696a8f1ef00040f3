"""Posing: a problem comes into play, drawn by the environment or posed by the examiner."""

from simctl.agents.curriculum import Start
from simctl.agents.scene import expect
from simctl.agents.stage import Stage
from simctl.agents.tasks.environment import Environment
from simctl.bus.answers import TaskPosed
from simctl.bus.asks import PoseTask, Sampling
from simctl.bus.event import Event
from simctl.bus.messages import TaskChecked


async def draw(
    stage: Stage, env: Environment, start: Start, dice: str = "draw"
) -> tuple[Event, TaskChecked]:
    """Let the environment pose the stored problem of `start`, or one of the wanted difficulty."""
    problem = start.problem or env.draw(start.difficulty, stage.dice(dice))
    posed = await stage.tell(TaskPosed(problem=problem, path=problem))
    return posed, check(stage, env, posed)


async def pose(
    stage: Stage, env: Environment, start: Start, sampling: Sampling
) -> tuple[Event, TaskChecked]:
    """Let the examiner pose a problem, and put it before the gates."""
    ask = PoseTask(
        parent=start.parent, parent_task=start.parent_task, target=start.target, sampling=sampling
    )
    [posed] = await stage.ask("examiner", ask)
    return posed, check(stage, env, posed)


def check(stage: Stage, env: Environment, posed: Event) -> TaskChecked:
    """Put a posed problem before the gates and note the verdicts."""
    found = env.check(expect(posed, TaskPosed).problem)
    checked = TaskChecked(
        task=posed.seq,
        valid=found.valid,
        gates=found.gates,
        difficulty=found.difficulty,
        degenerate=found.degenerate,
        reference=found.reference,
        path=found.path,
    )
    stage.note(checked, cause=posed, task=posed.seq)
    return checked
