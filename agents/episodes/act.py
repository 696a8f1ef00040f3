"""Act: the solver works in turns, and the environment shows what follows from each action.

Agents with tools (Agent0, 2511.16043; SSP, 2510.18821): one action an utterance, the tool's answer
in the next prompt and never among the tokens that train. All rollouts of a task take their turns
together, and every action of a rollout earns what its end is worth.
"""

from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field

from simctl.agents.curriculum import Start
from simctl.agents.episode import Episode
from simctl.agents.rewards import AnswerReward
from simctl.agents.scene import Scene, expect, graded
from simctl.agents.stage import Stage
from simctl.agents.tasks.environment import Environment, Tools, answer_of
from simctl.agents.turns.scorers.verify import worth
from simctl.bus.answers import ActionTaken
from simctl.bus.asks import TakeAction
from simctl.bus.messages import EpisodeEnded, ObservationMade


@dataclass
class _Rollout:
    """One way through a task: the actions, what they led to, and the events that they are."""

    index: int
    history: str = ""
    text: str = ""  # actions and observations, as the environment grades them
    actions: list[str] = field(default_factory=list)
    events: list[int] = field(default_factory=list)
    done: bool = False


class Act(Episode):
    """The solver acts, turn by turn, in an environment that answers."""

    kind: Literal["act"] = "act"
    max_turns: int = Field(default=6, ge=1, description="most actions in a rollout")
    reward: AnswerReward = Field(default="correct", description="what the end is worth")

    async def play(self, stage: Stage, env: Environment, start: Start) -> EpisodeEnded:
        """Draw a problem, act on it in `num_generations` rollouts, and pay every action."""
        if not isinstance(env, Tools):
            raise TypeError(f"{type(env).__name__} has no tools to act with; choose another task")
        scene = await self.drawn(stage, env, start)
        rollouts = [_Rollout(index) for index in range(self.num_generations)]
        for turn in range(1, self.max_turns + 1):
            going = [each for each in rollouts if not each.done]
            await self.act(scene, env, going, turn)
        for each in rollouts:
            await self.pay(scene, each)
        return EpisodeEnded(outcome="completed")

    async def act(self, scene: Scene, tools: Tools, going: list[_Rollout], turn: int) -> None:
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
            rollout.events.append(event.seq)
            seen = tools.act(scene.task.problem, rollout.actions)
            rollout.history += f"{action}|{seen.text}|"
            rollout.text += f"{action}{seen.text}"
            rollout.done = seen.done
            observed = ObservationMade(
                task=task, of=event.seq, observation=seen.text, done=seen.done
            )
            await scene.stage.note(observed, cause=event, task=task)

    async def pay(self, scene: Scene, rollout: _Rollout) -> None:
        """Grade the whole way; each of its actions earns the same."""
        said = rollout.text
        grade = scene.env.grade_attempt(scene.task.problem, said)
        earned = worth(self.reward, grade, formed=answer_of(scene.env, said) != "")
        await scene.stage.grade(
            *(graded(scene.task.task, event, "solver", grade, earned) for event in rollout.events)
        )
