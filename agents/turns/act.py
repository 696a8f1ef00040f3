"""Acting: rollouts of a task take their turns together, and the environment shows what follows."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from simctl.agents.rewards import AnswerReward
from simctl.agents.scene import Scene, expect
from simctl.agents.tasks.environment import Tools, answer_of
from simctl.agents.turns.scorers.verify import worth
from simctl.bus.answers import ActionTaken
from simctl.bus.asks import TakeAction
from simctl.bus.event import Event
from simctl.bus.messages import ObservationMade


@dataclass
class Rollout:
    """One way through a task: the actions, what they led to, and the events that they are."""

    index: int
    history: str = ""
    text: str = ""  # actions and observations, as the environment grades them
    actions: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    done: bool = False


async def act(scene: Scene, tools: Tools, going: Sequence[Rollout], turn: int) -> None:
    """Let every rollout that goes on take one action, and note what follows from it."""
    task = scene.task.task
    asks = [
        TakeAction(
            task=task,
            problem=scene.task.problem,
            history=each.history,
            turn=turn,
            index=each.index,
            sampling=scene.solver_sampling,
        )
        for each in going
    ]
    said = await scene.stage.ask_all("solver", asks, task=task)
    for rollout, [event] in zip(going, said, strict=True):
        action = expect(event, ActionTaken).action
        rollout.actions.append(action)
        rollout.events.append(event)
        seen = tools.act(scene.task.problem, rollout.actions)
        rollout.history += f"{action}|{seen.text}|"
        rollout.text += f"{action}{seen.text}"
        rollout.done = seen.done
        observed = ObservationMade(task=task, of=event.seq, observation=seen.text, done=seen.done)
        scene.stage.note(observed, cause=event, task=task)


def pay_actions(scene: Scene, rollout: Rollout, reward: AnswerReward) -> None:
    """Grade the whole way; each of its actions earns the same."""
    grade = scene.env.grade_attempt(scene.task.problem, rollout.text)
    earned = worth(reward, grade, formed=answer_of(scene.env, rollout.text) != "")
    scene.stage.grade(*(scene.grade(event, "solver", grade, earned) for event in rollout.events))
