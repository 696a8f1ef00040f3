"""P3: whoever speaks, asks and hears whom, the log and every reader have one causal order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from simctl.agents.agent import Agent, Answer, serve, themselves
from simctl.agents.stage import Answers, Stage
from simctl.bus.answers import AttemptMade
from simctl.bus.asks import ROLES, Role, SolveTask
from simctl.bus.dice import dice
from simctl.bus.event import Draft, Event
from simctl.bus.memory import MemoryBus
from simctl.bus.messages import EpisodeStarted
from simctl.bus.quiescence import Quiescence
from simctl.store.duck import DuckLog
from simctl.store.memory_log import ListLog


@dataclass(frozen=True)
class Topology:
    """Who takes part: what each episode asks of whom, how often publishers speak, who listens."""

    episodes: list[list[tuple[Role, int]]]
    publishers: list[list[int]]
    readers: int
    capacity: int
    seed: int


TOPOLOGIES = st.builds(
    Topology,
    episodes=st.lists(
        st.lists(st.tuples(st.sampled_from(ROLES), st.integers(1, 3)), max_size=4), max_size=5
    ),
    publishers=st.lists(st.lists(st.integers(1, 4), max_size=5), max_size=4),
    readers=st.integers(1, 4),
    capacity=st.sampled_from((3, 1000)),
    seed=st.integers(0, 2**32),
)


@dataclass(frozen=True)
class Dawdler:
    """An agent that answers after a random number of turns, so that answers overtake each other."""

    turns: Random

    async def handle(self, asked: Event) -> list[Answer]:
        ask = asked.message
        assert isinstance(ask, SolveTask)
        await dawdle(self.turns)
        made = (AttemptMade(task=ask.task, index=n, attempt="") for n in range(ask.n))
        return [Answer(each) for each in made]


async def dawdle(turns: Random) -> None:
    for _ in range(turns.randrange(12)):
        await asyncio.sleep(0)


async def episode(stage: Stage, asks: list[tuple[Role, int]]) -> None:
    cause = await stage.tell(EpisodeStarted(name="any"))
    for role, n in asks:
        ask = SolveTask(task=cause.seq, problem="", n=n)
        cause = (await stage.ask(role, ask, cause=cause))[-1]


async def speak(bus: MemoryBus, name: str, sizes: list[int], turns: Random) -> None:
    pseq, cause = 0, None
    for size in sizes:
        drafts = [
            Draft(name, 0, pseq + n, EpisodeStarted(name=name), name, cause=cause)
            for n in range(size)
        ]
        cause = (await bus.publish(drafts))[-1].seq
        pseq += size
        await dawdle(turns)


async def hear(events: AsyncIterator[Event], turns: Random) -> list[Event]:
    heard = []
    async for event in events:
        heard.append(event)
        if event.sender == "end":
            break
        await dawdle(turns)
    return heard


async def play(topology: Topology, log: ListLog | DuckLog) -> list[list[Event]]:
    """Let everybody speak to the end; return what each reader heard."""
    quiescence, turns, answers = Quiescence(), dice(topology.seed), Answers()
    bus = MemoryBus(log, quiescence, capacity=topology.capacity)
    agents: dict[Role, Agent] = {role: Dawdler(turns) for role in ROLES}
    async with AsyncExitStack() as stack:
        ears = [await stack.enter_async_context(bus.listen()) for _ in range(topology.readers)]
        asked = await stack.enter_async_context(bus.listen())
        answered = await stack.enter_async_context(bus.listen())
        group = await stack.enter_async_context(asyncio.TaskGroup())
        helpers = [
            group.create_task(quiescence.run()),
            group.create_task(serve(agents, bus, asked, themselves(agents, 1))),
            group.create_task(answers.hear_all(answered)),
        ]
        hearing = [group.create_task(hear(each, turns)) for each in ears]
        async with asyncio.TaskGroup() as speaking:
            for number, asks in enumerate(topology.episodes):
                stage = Stage(bus, answers, name=f"e1.{number:03d}", round_=1, seed=0)
                speaking.create_task(episode(stage, asks))
            for number, sizes in enumerate(topology.publishers):
                speaking.create_task(speak(bus, f"p{number}", sizes, turns))
        await bus.publish([Draft("end", 0, 0, EpisodeStarted(name="end"), "end")])
        heard = [await each for each in hearing]
        for helper in helpers:
            helper.cancel()
    return heard


def check(events: list[Event], heard: list[list[Event]]) -> None:
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert all(event.cause is None or event.cause < event.seq for event in events)
    said: dict[str, list[int]] = {}
    for event in events:
        said.setdefault(event.producer, []).append(event.pseq)
    assert all(numbers == list(range(len(numbers))) for numbers in said.values())
    assert all(each == events for each in heard)


@given(TOPOLOGIES)
def test_causes_come_first_and_all_hear_one_order(topology: Topology):
    log = ListLog()
    heard = asyncio.run(play(topology, log))
    check(list(log.read()), heard)


@given(TOPOLOGIES)
@settings(max_examples=8)
def test_causes_come_first_and_all_hear_one_order_of_a_file(topology: Topology):
    with TemporaryDirectory() as place, DuckLog(Path(place) / "log.duckdb", run="any") as log:
        heard = asyncio.run(play(topology, log))
        check(list(log.read()), heard)
