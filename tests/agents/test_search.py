"""Trees of partial solutions: the formulas, and what a search finds."""

import math
from collections.abc import Sequence

import pytest
from company import gather
from hypothesis import given
from hypothesis import strategies as st

from simctl.agents.curriculum import Start
from simctl.agents.episodes.search import Search
from simctl.agents.health.answers import errors, graded
from simctl.agents.search import (
    Found,
    Grown,
    Node,
    TreeSearch,
    back_up,
    best,
    label,
    search,
    select,
    uct,
)
from simctl.agents.tasks.chain import ChainTasks
from simctl.bus.answers import AttemptMade, AttemptRevised, ValueEstimated
from simctl.bus.event import Event
from simctl.bus.messages import AnswerGraded

values = st.floats(0, 1)


class Letters:
    """Solutions are three letters; only those of a's and b's are worth anything."""

    def __init__(self) -> None:
        self.tokens = 0

    async def grow(self, partial: str, n: int) -> list[Grown]:
        self.tokens += n
        return [Grown(partial + each, done=len(partial) == 2) for each in "abc"[:n]]

    async def finish(self, partial: str) -> Grown:
        self.tokens += 3 - len(partial)
        return Grown(partial.ljust(3, "c"), done=True)

    async def values(self, partials: Sequence[str]) -> list[float]:
        return [
            1 - sum(each.count(c) * w for c, w in (("c", 0.3), ("a", 0.1))) for each in partials
        ]

    def steps(self, attempt: str) -> list[str]:
        return list(attempt)


def tree(*children: tuple[float, int]) -> Node:
    root = Node("", visits=sum(visits for _, visits in children))
    root.children = [
        Node(str(at), value, visits, parent=root) for at, (value, visits) in enumerate(children)
    ]
    return root


def test_uct_is_the_value_and_a_bonus_for_what_was_seldom_visited():
    root = tree((0.5, 2), (0.4, 6))
    expected = 0.5 + 0.7 * math.sqrt(2 * math.log(8) / 2)
    assert uct(root.children[0], 0.7) == pytest.approx(expected)


@pytest.mark.parametrize(("exploration", "chosen"), [(0.0, "1"), (2.0, "0")])
def test_exploration_decides_between_the_new_and_the_good(exploration: float, chosen: str):
    selected = select(tree((0.4, 1), (0.6, 9)), exploration)
    assert selected is not None
    assert selected.text == chosen


def test_what_is_finished_is_not_selected():
    root = tree((0.9, 1), (0.1, 1))
    root.children[0].done = True
    assert select(root, 0.0) is root.children[1]


@given(st.lists(st.tuples(values, st.integers(1, 9)), min_size=1, max_size=5))
def test_a_backed_up_value_is_the_mean_of_its_children_by_visits(children: list[tuple[float, int]]):
    root = tree(*children)
    back_up(root.children[0])
    total = sum(visits for _, visits in children)
    mean = sum(value * visits for value, visits in children) / total
    assert root.value == pytest.approx(mean)
    assert root.visits == total + 1


@pytest.mark.parametrize(
    ("partial", "share"), [("", 0.5), ("a", 2 / 3), ("ab", 1.0), ("b", 0.0), ("c", None)]
)
def test_a_label_is_the_share_of_right_solutions_below(partial: str, share: float | None):
    ends = [("ab", True), ("abc", True), ("ac", False), ("b", False)]
    assert label(partial, ends) == (None if share is None else pytest.approx(share))


async def test_a_rollout_counts_with_the_best_value_on_its_way():
    found = await search(Letters(), TreeSearch(branch=2, budget=1, alpha=0.5))
    assert found == [Found("bcc", pytest.approx(0.4))]


async def test_a_search_ends_at_its_gate():
    free = Letters()
    found = await search(free, TreeSearch(budget=500, end_gate=0.99))
    assert best(found).text == "bbb"
    assert free.tokens < 500


async def test_a_search_ends_beyond_its_budget():
    costly = Letters()
    await search(costly, TreeSearch(budget=20, end_gate=1.0))
    assert 20 <= costly.tokens <= 20 + 3 + 3


async def test_a_search_ends_when_all_is_finished():
    found = await search(Letters(), TreeSearch(branch=1, budget=10_000, end_gate=1.0))
    assert {each.text for each in found} == {"acc", "aac", "aaa"}


async def play() -> list[Event]:
    async with gather() as here:
        episode = Search(budget=60)
        await here.play(episode, "e1.000", ChainTasks({}), Start(difficulty=3))
    return list(here.log.read())


async def test_steps_and_values_of_a_search_are_graded_by_what_it_found():
    events = await play()
    said = [e for e in events if isinstance(e.message, AttemptMade | AttemptRevised)]
    ends = [e.message.attempt for e in said if not e.message.truncated]
    grades = {e.message.of: e.message for e in events if isinstance(e.message, AnswerGraded)}
    passed = {e.seq for e in said if any(end.startswith(e.message.attempt) for end in ends)} | {
        e.seq
        for e in events
        if isinstance(e.message, ValueEstimated)
        and any(end.startswith(e.message.partial) for end in ends)
    }
    assert set(grades) == passed


async def test_how_far_a_value_was_off_is_no_failure_of_the_verifier():
    events = await play()
    assert any(isinstance(event.message, ValueEstimated) for event in events)
    assert not any(errors(graded(events)))


async def test_a_value_is_logged_as_the_one_token_that_it_is_the_probability_of():
    valued = [e for e in await play() if isinstance(e.message, ValueEstimated)]
    assert valued
    for event in valued:
        assert event.utterance is not None
        assert len(event.utterance.tokens) == 1
        assert math.exp(event.utterance.logprobs[0]) == pytest.approx(event.message.value)


async def test_the_same_seed_grows_the_same_tree():
    first, second = await play(), await play()
    assert [event.hash for event in first] == [event.hash for event in second]
