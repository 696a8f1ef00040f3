import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from company import CommitLog, again

from simctl.agents.agent import Voice
from simctl.agents.cast import cast
from simctl.agents.curricula import Frontier
from simctl.agents.episodes.solve import Solve
from simctl.agents.evaluation import Suite, evaluate
from simctl.agents.health.levels import Levels
from simctl.agents.health.watch import Watch
from simctl.agents.memory import SOCIETY, recall
from simctl.agents.policy.embedded import PATH
from simctl.agents.policy.transformers import TransformersSampler
from simctl.agents.serving import Served
from simctl.agents.society import Here, Plan, Rounds, Society
from simctl.agents.tasks.chain import ChainTasks, parse, signature
from simctl.bus.answers import TaskPosed
from simctl.bus.dice import dice
from simctl.bus.event import Draft, Event
from simctl.bus.memory import MemoryBus
from simctl.bus.messages import (
    RunForked,
    RunStarted,
    TaskChecked,
)
from simctl.bus.quiescence import Quiescence
from simctl.store.memory_log import ListLog
from simctl.store.policies import PolicyStore

CURRICULUM = Frontier(max_difficulty=6)
PLAN = Plan(
    episode=Solve(num_generations=4),
    environment=ChainTasks({3: 8}),
    rounds=Rounds(rounds=3, episodes=4),
    suites=(Suite(name="targets", difficulty=3, problems=8),),
    seed=0,
    learns=False,
)
STARTED = RunStarted(recipe="", seed=0, policy_sha256="", machine={})


async def play(
    log: ListLog,
    tmp_path: Path,
    plan: Plan = PLAN,
    curriculum: Frontier = CURRICULUM,
    watch: Watch | None = None,
) -> list[Event]:
    """Play what is left of the plan, as a new process would."""
    quiescence = Quiescence()
    syllabus = curriculum.begin(plan.environment, plan.seed)
    memory = recall(log.read(), syllabus, watch)
    sampler = TransformersSampler(PATH, memory.version, quiescence)
    society = Society(
        plan,
        memory,
        syllabus,
        bus=MemoryBus(log, quiescence, log.last_seq),
        quiescence=quiescence,
        policy=Served(sampler, PolicyStore(tmp_path), plan.environment, 0),
        roles=Here(cast(Voice(sampler, 0))),
    )
    await society.run(STARTED)
    return list(log.read())


def said(events: Sequence[Event]) -> list[tuple[object, ...]]:
    """What was said in each episode, wherever it stands in the log."""
    return sorted(
        (each.round, each.episode, each.sender, each.kind, str(each.utterance))
        for each in events
        if each.kind != "run_resumed"
    )


def tokens(events: Sequence[Event]) -> list[tuple[str, str, tuple[int, ...]]]:
    """Every answer; its log-probabilities have other last bits in a batch of another size."""
    spoken = ((e.episode, e.sender, e.utterance.tokens) for e in events if e.utterance)
    return sorted(spoken)


async def test_a_run_broken_off_anywhere_ends_as_the_unbroken_one(tmp_path: Path):
    whole = CommitLog()
    events = await play(whole, tmp_path)
    for cut in whole.commits[1 :: len(whole.commits) // 6]:
        broken_off = ListLog()
        await broken_off.append([again(event) for event in events[:cut]])
        resumed = await play(broken_off, tmp_path)
        assert resumed[:cut] == events[:cut]
        assert said(resumed) == said(events)


async def test_a_run_broken_off_anywhere_measures_the_same_health(tmp_path: Path):
    def healths(events: Sequence[Event]) -> list[str]:
        return [event.payload for event in events if event.kind == "health_measured"]

    whole = CommitLog()
    events = await play(whole, tmp_path, watch=Watch(Levels()))
    assert [event.round for event in events if event.kind == "health_measured"] == [1, 2, 3]
    last = [event.kind for event in events if event.producer == SOCIETY and event.round == 2][-1]
    assert last == "health_measured"
    for cut in whole.commits[1 :: len(whole.commits) // 3]:
        broken_off = ListLog()
        await broken_off.append([again(event) for event in events[:cut]])
        resumed = await play(broken_off, tmp_path, watch=Watch(Levels()))
        assert healths(resumed) == healths(events)


async def test_a_run_left_amid_the_answers_to_an_ask_ends_as_the_unbroken_one(tmp_path: Path):
    events = await play(ListLog(), tmp_path)
    amid = [each.seq for each in events if getattr(each.message, "index", 0)]
    for cut in amid[1 :: len(amid) // 4]:
        left = ListLog()
        await left.append([again(event) for event in events[: cut - 1]])
        resumed = await play(left, tmp_path)
        assert resumed[: cut - 1] == events[: cut - 1]
        assert tokens(resumed) == tokens(events)


async def test_a_fork_with_another_recipe_begins_with_a_new_round(tmp_path: Path):
    events = await play(ListLog(), tmp_path)
    at = next(event.seq for event in events if event.kind == "round_started" and event.round == 3)
    fork = ListLog()
    await fork.append([again(event) for event in events[: at - 1]])
    forked = RunForked(parent="run", at=at - 1, branch="fork", recipe="another")
    await fork.append([Draft("fork", 0, 0, forked, "fork")])
    plan = replace(PLAN, rounds=Rounds(rounds=3, episodes=6))
    for _ in range(2):  # also when it is broken off before it says anything
        played = (await play(fork, tmp_path, plan))[at:]
    assert {event.round for event in played if event.episode} == {3}
    assert [event.round for event in played if event.kind == "round_started"] == [3]
    assert len({event.episode for event in played if event.episode}) == 6


async def test_a_finished_run_has_nothing_left_to_play(tmp_path: Path):
    log = ListLog()
    events = await play(log, tmp_path)
    more = await play(log, tmp_path)
    assert [event.kind for event in more[len(events) :]] == ["run_resumed"]


async def test_the_same_seed_gives_the_same_chain(tmp_path: Path):
    one, two = await play(ListLog(), tmp_path), await play(ListLog(), tmp_path)
    assert [event.hash for event in one] == [event.hash for event in two]


async def test_the_token_budget_ends_the_run_after_the_round_that_spends_it(tmp_path: Path):
    events = await play(ListLog(), tmp_path)
    first = sum(len(e.utterance.tokens) for e in events if e.utterance and e.round == 1)
    rounds = Rounds(rounds=3, episodes=4, max_tokens=first + 1)
    short = await play(ListLog(), tmp_path, replace(PLAN, rounds=rounds))
    assert max(event.round for event in short) == 2


async def test_held_out_problems_are_never_posed(tmp_path: Path):
    held_out = ChainTasks({}).targets(1, 400)  # more than there are problems: nearly all of them
    plan = replace(
        PLAN, environment=ChainTasks({1: 400}), rounds=Rounds(rounds=2, episodes=8), suites=()
    )
    events = await play(ListLog(), tmp_path, plan, Frontier(min_difficulty=1, max_difficulty=1))
    posed = [each.message.problem for each in events if isinstance(each.message, TaskPosed)]
    signatures = {signature(problem) for text in held_out if (problem := parse(text))}
    assert len(posed) == 16
    assert signatures.isdisjoint(signature(p) for text in posed if (p := parse(text)))


async def test_the_curriculum_moves_to_where_half_is_solved(tmp_path: Path):
    events = await play(ListLog(), tmp_path)
    syllabus = CURRICULUM.begin(PLAN.environment)
    before = syllabus.moved().weights
    syllabus.observe(events)
    assert syllabus.moved().weights != before
    assert sum(syllabus.moved().weights.values()) == pytest.approx(1, abs=1e-4)
    levels = {e.message.difficulty for e in events if isinstance(e.message, TaskChecked)}
    assert levels <= set(range(2, 7))


def test_a_curriculum_without_a_range_is_refused():
    with pytest.raises(ValueError, match="min_difficulty is 5; it must not be over"):
        Frontier(min_difficulty=5, max_difficulty=4)


def test_a_difficulty_that_is_held_out_altogether_is_told():
    with pytest.raises(ValueError, match="nearly all problems of difficulty 1 are held out"):
        ChainTasks({1: 20_000}).draw(1, dice(0))


def test_pass_at_k_is_at_least_the_sampled_rate():
    async def score() -> dict[str, float]:
        quiescence = Quiescence()
        sampler = TransformersSampler(PATH, 0, quiescence)
        suite = Suite(name="easy", difficulty=2, problems=20, attempts=4)
        async with asyncio.TaskGroup() as group:
            pump = group.create_task(quiescence.run())
            evaluated = await evaluate(suite, PLAN.environment, sampler, 0)
            pump.cancel()
        return evaluated.scores

    scores = asyncio.run(score())
    assert 0 < scores["sampled"] <= scores["pass@4"] <= 1
