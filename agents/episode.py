"""Episodes: plain async code that says who is asked what, in which order."""

from abc import ABC, abstractmethod

from pydantic import Field

from simctl.agents.curriculum import Start
from simctl.agents.scene import Scene, in_play
from simctl.agents.stage import Stage
from simctl.agents.tasks.environment import Environment
from simctl.agents.turns.pose import draw
from simctl.bus.asks import Sampling
from simctl.bus.event import Event
from simctl.bus.messages import EpisodeEnded, TaskChecked
from simctl.bus.values import Value


class Episode(Value, ABC):
    """One exchange. Its fields are its settings, `play` is what happens, top to bottom."""

    num_generations: int = Field(default=8, ge=1, description="attempts per task: the group size")
    sampling: Sampling = Field(default=Sampling(), description="how every role samples")

    @property
    def name(self) -> str:
        """What the episode is called in the log."""
        return type(self).__name__.lower()

    @abstractmethod
    async def play(self, stage: Stage, env: Environment, start: Start) -> EpisodeEnded:
        """Play one episode from `start` and say how it ended."""

    async def drawn(self, stage: Stage, env: Environment, start: Start) -> Scene:
        """Let the environment pose a problem, and set the scene for it."""
        return self.scene(stage, env, start, *await draw(stage, env, start))

    def scene(
        self, stage: Stage, env: Environment, start: Start, posed: Event, checked: TaskChecked
    ) -> Scene:
        """Set the scene for a problem that was posed and checked."""
        solver = self.sampling
        if start.temperature is not None:
            solver = solver.model_copy(update={"temperature": start.temperature})
        return Scene(stage, env, in_play(posed, checked), self.sampling, solver)
