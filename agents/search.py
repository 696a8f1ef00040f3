"""Search: a tree of partial solutions under a value, as in ReST-MCTS* (2406.03816).

What grows and rates the tree comes in as an explorer: the sampler alone, or roles on a stage. The
search itself is pure bookkeeping, deterministic in what the explorer answers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import Field

from simctl.bus.values import Value

Ends = Sequence[tuple[str, bool]]  # whole solutions, and whether each is right


@dataclass(frozen=True, slots=True)
class Grown:
    """A partial solution, or a whole one when `done`."""

    text: str
    done: bool


@dataclass
class Node:
    """A partial solution in the tree: its value in [0, 1], and how often it was backed up."""

    text: str
    value: float = 0.0
    visits: int = 0
    done: bool = False
    parent: "Node | None" = None
    children: list["Node"] = field(default_factory=list)


class Explorer(Protocol):
    """What a search needs of the policy."""

    @property
    def tokens(self) -> int:
        """Tokens that were sampled so far."""
        ...

    async def grow(self, partial: str, n: int) -> list[Grown]:
        """Return `n` ways to go on from a partial solution by one step."""
        ...

    async def finish(self, partial: str) -> Grown:
        """Return one way to go on to the end."""
        ...

    async def values(self, partials: Sequence[str]) -> list[float]:
        """Return the critic's value, in [0, 1], of each partial solution."""
        ...

    def steps(self, attempt: str) -> list[str]:
        """Cut an attempt into its steps."""
        ...


class TreeSearch(Value):
    """How a tree is searched. The constants are those of the published code, from memory."""

    branch: int = Field(default=3, ge=1, description="steps sampled where the tree grows")
    exploration: float = Field(default=0.4, ge=0, description="c of v + c sqrt(2 ln N / n)")
    alpha: float = Field(
        default=0.5, ge=0, le=1, description="share of a rollout's best value in that of its node"
    )
    end_gate: float = Field(
        default=0.9, ge=0, le=1, description="value of a whole solution that ends the search"
    )
    budget: int = Field(default=256, ge=1, description="tokens to sample; no step begins beyond")
    step_length: int = Field(default=3, ge=1, description="longest step, in tokens")


@dataclass(frozen=True, slots=True)
class Found:
    """A whole solution that a search came upon, with its value."""

    text: str
    value: float


async def search(explorer: Explorer, settings: TreeSearch) -> list[Found]:
    """Return the whole solutions that were found, in order; the best is `best` of them.

    Each turn selects a leaf by UCT, grows it, finishes its best child in one rollout, and backs up
    what that showed. The search ends at the gate, beyond the budget, or when nothing is left to
    grow; at least one rollout is made.
    """
    root, found = Node(""), list[Found]()
    while True:
        leaf = select(root, settings.exploration)
        if leaf is None:
            return found
        await _grow(explorer, leaf, settings, found)
        over = explorer.tokens >= settings.budget
        if over or any(each.value >= settings.end_gate for each in found):
            return found


def best(found: Sequence[Found]) -> Found:
    """Return the solution with the highest value; of equals the first."""
    return max(found, key=lambda each: each.value)


def select(root: Node, exploration: float) -> Node | None:
    """Walk down by UCT to a node that can grow; None when all that is left is finished."""
    node = root
    while node.children:
        going = [child for child in node.children if _open(child)]
        if not going:
            return None
        node = max(going, key=lambda child: uct(child, exploration))
    return node


def uct(node: Node, exploration: float) -> float:
    """Return v + c sqrt(2 ln N / n), N and n the visits of the parent and the node."""
    if node.visits == 0 or node.parent is None:
        return math.inf
    return node.value + exploration * math.sqrt(2 * math.log(node.parent.visits) / node.visits)


def back_up(node: Node) -> None:
    """Count a visit of each ancestor, whose value becomes its children's, weighted by visits."""
    above = node.parent
    while above is not None:
        above.visits += 1
        visits = sum(child.visits for child in above.children)
        above.value = sum(child.value * child.visits for child in above.children) / visits
        above = above.parent


def label(partial: str, ends: Ends) -> float | None:
    """Return the share of right ones among the whole solutions that begin with `partial`.

    It is the tree's estimate of the probability that the step leads to a right answer; None where
    no rollout passed. (ReST-MCTS* infers its labels from the same tree with a weight for the
    distance to the end; the share is the estimate of Math-Shepherd, 2312.08935.)
    """
    passed = [right for text, right in ends if text.startswith(partial)]
    return sum(passed) / len(passed) if passed else None


def _open(node: Node) -> bool:
    return not node.done and (not node.children or any(map(_open, node.children)))


async def _grow(explorer: Explorer, leaf: Node, settings: TreeSearch, found: list[Found]) -> None:
    grown = await explorer.grow(leaf.text, settings.branch)
    distinct = list({(each.text, each.done): each for each in grown}.values())
    values = await explorer.values([each.text for each in distinct])
    for each, value in zip(distinct, values, strict=True):
        child = Node(each.text, value, visits=1, done=each.done, parent=leaf)
        leaf.children.append(child)
        if each.done:
            found.append(Found(each.text, value))
    going = [child for child in leaf.children if not child.done]
    if going:
        await _roll_out(explorer, max(going, key=lambda child: child.value), settings, found)
    back_up(leaf.children[0])


async def _roll_out(
    explorer: Explorer, node: Node, settings: TreeSearch, found: list[Found]
) -> None:
    """Finish a node once: V = (1 - alpha) V + alpha times the best value on the way."""
    ended = await explorer.finish(node.text)
    partials, text = list[str](), node.text
    for step in explorer.steps(ended.text.removeprefix(node.text)):
        text += step
        partials.append(text)
    values = await explorer.values(partials or [node.text])
    node.value = (1 - settings.alpha) * node.value + settings.alpha * max(values)
    found.append(Found(ended.text, values[-1]))
