"""Search: the solver grows a tree under the critic's value; steps and values learn from its ends.

The exchange of ReST-MCTS* (2406.03816). Every step that is tried and every value is an event.
"""

from collections.abc import Iterator
from typing import Literal

from simctl.agents.curriculum import Start
from simctl.agents.episode import Episode
from simctl.agents.search import Ends, TreeSearch, label, search
from simctl.agents.stage import Stage
from simctl.agents.tasks.environment import Environment, Grade
from simctl.agents.turns.explore import Exploration
from simctl.bus.messages import AnswerGraded, EpisodeEnded


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
        tree = Exploration(scene, self.step_length)
        found = await search(tree, self)
        ends = [(each.text, scene.marked(0, each.text).solved) for each in found]
        stage.grade(*self.steps(tree, ends), *self.values(tree, ends))
        return EpisodeEnded(outcome="completed")

    def steps(self, tree: Exploration, ends: Ends) -> Iterator[AnswerGraded]:
        """Grade the steps that were tried."""
        whole = {text for text, _ in ends}
        for event, text in tree.said:
            leads = label(text, ends)
            if leads is not None:
                reward = float(leads > 0)
                parts = {"outcome": leads} | ({"correct": reward} if text in whole else {})
                yield tree.scene.grade(event, "solver", Grade(parts=parts), reward)

    def values(self, tree: Exploration, ends: Ends) -> Iterator[AnswerGraded]:
        """Grade the critic's values by what the tree found."""
        for event, estimate in tree.valued:
            leads = label(estimate.partial, ends)
            if leads is not None:
                parts = {"outcome": leads, "brier": (estimate.value - leads) ** 2}
                yield tree.scene.grade(event, "critic", Grade(parts=parts), leads)
