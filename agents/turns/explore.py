"""Exploring: the solver grows a tree of solutions, and the critic values what there is of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from simctl.agents.scene import Scene, expect
from simctl.agents.search import Grown
from simctl.agents.tasks.environment import steps_of
from simctl.agents.turns.attempt import look
from simctl.bus.answers import Spoken, ValueEstimated
from simctl.bus.asks import EstimateValue, Sampling, SolveTask
from simctl.bus.event import Event


@dataclass
class Exploration:
    """An explorer that asks the roles; it keeps what they said, beside the event."""

    scene: Scene
    step_length: int
    said: list[tuple[Event, str]] = field(default_factory=list)
    valued: list[tuple[Event, ValueEstimated]] = field(default_factory=list)

    @property
    def tokens(self) -> int:
        """Tokens that were sampled so far."""
        said = (event.utterance for event, _ in (*self.said, *self.valued))
        return sum(len(each.tokens) for each in said if each)

    async def grow(self, partial: str, n: int) -> list[Grown]:
        """Let the solver go on by one step, `n` times."""
        step = {"max_completion_length": self.step_length}
        return await self._go_on(partial, n, self.scene.solver_sampling.model_copy(update=step))

    async def finish(self, partial: str) -> Grown:
        """Let the solver go on to the end."""
        [ended] = await self._go_on(partial, 1, self.scene.solver_sampling)
        return ended

    async def values(self, partials: Sequence[str]) -> list[float]:
        """Let the critic value partial solutions."""
        task = self.scene.task
        asks = [
            EstimateValue(task=task.task, problem=task.problem, partial=each) for each in partials
        ]
        events = [e for [e] in await self.scene.stage.ask_all("critic", asks, task=task.task)]
        estimates = [expect(event, ValueEstimated) for event in events]
        self.valued += zip(events, estimates, strict=True)
        return [each.value for each in estimates]

    def steps(self, attempt: str) -> list[str]:
        """Cut an attempt into its steps."""
        return steps_of(self.scene.env, attempt)

    async def _go_on(self, partial: str, n: int, sampling: Sampling) -> list[Grown]:
        task = self.scene.task
        ask = SolveTask(
            task=task.task, problem=task.problem, n=n, prefix=partial, sampling=sampling
        )
        events = await self.scene.stage.ask("solver", ask, task=task.task)
        tried = look(self.scene, events)
        self.said += [(each.event, each.text) for each in tried]
        return [Grown(each.text, done=not expect(each.event, Spoken).truncated) for each in tried]
