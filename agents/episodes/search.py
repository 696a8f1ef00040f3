"""Search: the solver grows a tree under the critic's value; steps and values learn from its ends.

The exchange of ReST-MCTS* (2406.03816). Every step that is tried and every value is an event.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from simctl.agents.curriculum import Start
from simctl.agents.episode import Episode
from simctl.agents.scene import Scene, expect
from simctl.agents.search import Grown, TreeSearch, label, search
from simctl.agents.stage import Stage
from simctl.agents.tasks.environment import Environment, Grade, steps_of
from simctl.agents.turns.attempt import look
from simctl.bus.answers import Spoken, ValueEstimated
from simctl.bus.asks import EstimateValue, Sampling, SolveTask
from simctl.bus.event import Event
from simctl.bus.messages import AnswerGraded, EpisodeEnded

_Ends = Sequence[tuple[str, bool]]


class Search(TreeSearch, Episode):
    """One tree over one problem.

    A value is graded with its `outcome`, the share of right solutions among those that the tree
    found below it. A step is rewarded where a right solution goes on from it, so that the traces
    that led there can be imitated. What no solution passed is not graded.
    """

    kind: Literal["search"] = "search"

    async def play(self, stage: Stage, env: Environment, start: Start) -> EpisodeEnded:
        """Draw a problem, search a tree of solutions, and grade what was said on the way."""
        scene = await self.drawn(stage, env, start)
        tree = _OnStage(scene, self.step_length)
        found = await search(tree, self)
        ends = [(each.text, _right(scene, each.text)) for each in found]
        grades = [_of_step(scene, *each, ends) for each in tree.said]
        grades += [_of_value(scene, *each, ends) for each in tree.valued]
        await stage.grade(*(each for each in grades if each is not None))
        return EpisodeEnded(outcome="completed")


@dataclass
class _OnStage:
    """Explores by asking the roles; keeps what they said, beside the event."""

    scene: Scene
    step_length: int
    said: list[tuple[Event, str]] = field(default_factory=list)
    valued: list[tuple[Event, ValueEstimated]] = field(default_factory=list)

    @property
    def tokens(self) -> int:
        said = (event.utterance for event, _ in (*self.said, *self.valued))
        return sum(len(each.tokens) for each in said if each)

    async def grow(self, partial: str, n: int) -> list[Grown]:
        step = {"max_completion_length": self.step_length}
        return await self._go_on(partial, n, self.scene.solver_sampling.model_copy(update=step))

    async def finish(self, partial: str) -> Grown:
        [ended] = await self._go_on(partial, 1, self.scene.solver_sampling)
        return ended

    async def values(self, partials: Sequence[str]) -> list[float]:
        task = self.scene.task
        asks = [
            EstimateValue(task=task.task, problem=task.problem, partial=each) for each in partials
        ]
        events = [e for [e] in await self.scene.stage.ask_all("critic", asks, task=task.task)]
        estimates = [expect(event, ValueEstimated) for event in events]
        self.valued += zip(events, estimates, strict=True)
        return [each.value for each in estimates]

    def steps(self, attempt: str) -> list[str]:
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


def _right(scene: Scene, attempt: str) -> bool:
    return scene.env.grade_attempt(scene.task.problem, attempt).parts["correct"] == 1.0


def _of_step(scene: Scene, event: Event, text: str, ends: _Ends) -> AnswerGraded | None:
    leads = label(text, ends)
    if leads is None:
        return None
    reward = float(leads > 0)
    whole = {"correct": reward} if any(text == end for end, _ in ends) else {}
    return scene.grade(event, "solver", Grade(parts={"outcome": leads} | whole), reward)


def _of_value(
    scene: Scene, event: Event, estimate: ValueEstimated, ends: _Ends
) -> AnswerGraded | None:
    leads = label(estimate.partial, ends)
    if leads is None:
        return None
    error = (estimate.value - leads) ** 2
    return scene.grade(event, "critic", Grade(parts={"outcome": leads, "error": error}), leads)
