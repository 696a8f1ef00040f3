"""A company of five roles around the embedded policy, for tests."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from simctl.agents.agent import Agent, Voice, serve, themselves
from simctl.agents.cast import cast
from simctl.agents.curriculum import Start
from simctl.agents.episode import Episode
from simctl.agents.exams import Exams
from simctl.agents.policy.embedded import PATH
from simctl.agents.policy.transformers import TransformersSampler
from simctl.agents.stage import Answers, Stage
from simctl.agents.tasks.chain import ChainTasks
from simctl.agents.tasks.environment import Environment
from simctl.bus.asks import Role
from simctl.bus.event import Draft, Event
from simctl.bus.memory import MemoryBus
from simctl.bus.messages import EpisodeEnded
from simctl.bus.quiescence import Quiescence
from simctl.store.memory_log import ListLog


@dataclass
class Company:
    """Five roles around the embedded policy, on a bus of their own."""

    log: ListLog
    bus: MemoryBus
    sampler: TransformersSampler
    answers: Answers

    def stage(self, name: str) -> Stage:
        return Stage(self.bus, self.answers, name=name, round_=1, seed=0)

    async def play(
        self, episode: Episode, name: str, env: Environment, start: Start
    ) -> EpisodeEnded:
        stage = self.stage(name)
        ended = await episode.play(stage, env, start)
        await stage.end(ended)
        return ended


@asynccontextmanager
async def gather(
    log: ListLog | None = None, agents: dict[Role, Agent] | None = None, epoch: int = 1
) -> AsyncIterator[Company]:
    log = log or ListLog()
    quiescence = Quiescence()
    bus = MemoryBus(log, quiescence, log.last_seq)
    sampler = TransformersSampler(PATH, 0, quiescence)
    answers, playing = Answers(log.read()), agents or _cast(sampler)
    async with bus.listen() as asked, bus.listen() as answered, asyncio.TaskGroup() as group:
        helpers = [
            group.create_task(quiescence.run()),
            group.create_task(serve(playing, bus, asked, themselves(playing, epoch))),
            group.create_task(answers.hear_all(answered)),
        ]
        yield Company(log, bus, sampler, answers)
        for helper in helpers:
            helper.cancel()


def _cast(sampler: TransformersSampler) -> dict[Role, Agent]:
    return cast(Voice(sampler, 0), Exams(sampler, ChainTasks({})))


class CommitLog(ListLog):
    """A log that notes where its commits ended: a process can only break off there."""

    def __init__(self) -> None:
        super().__init__()
        self.commits: list[int] = []

    async def append(self, drafts: Sequence[Draft]) -> list[Event]:
        events = await super().append(drafts)
        self.commits.append(self.last_seq)
        return events


def again(event: Event) -> Draft:
    same = ("producer", "epoch", "pseq", "message", "sender", "recipient", "episode", "round")
    more = ("cause", "task", "policy_version", "utterance", "wall_us")
    return Draft(**{name: getattr(event, name) for name in same + more})
