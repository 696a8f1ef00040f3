"""Act: the solver works in turns, and the environment shows what follows from each action.

Agents with tools (Agent0, 2511.16043; SSP, 2510.18821): one action an utterance, the tool's answer
in the next prompt and never among the tokens that train. All rollouts of a task take their turns
together, and every action of a rollout earns what its end is worth.
"""

from typing import Literal

from pydantic import Field

from simctl.agents.curriculum import Start
from simctl.agents.episode import Episode
from simctl.agents.rewards import AnswerReward
from simctl.agents.stage import Stage
from simctl.agents.tasks.environment import Environment, Tools
from simctl.agents.turns.act import Rollout, act, pay_actions
from simctl.bus.messages import EpisodeEnded


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
        rollouts = [Rollout(index) for index in range(self.num_generations)]
        for turn in range(1, self.max_turns + 1):
            await act(scene, env, [each for each in rollouts if not each.done], turn)
        for each in rollouts:
            pay_actions(scene, each, self.reward)
        return EpisodeEnded(outcome="completed")
