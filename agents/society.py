"""The society: rounds of concurrent episodes, with a new policy between them.

A round that was broken off is played again from its start. What the log has of it is not said
twice and no answer is sampled twice, so the round ends as it would have ended.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from pydantic import Field

from simctl.agents.agent import Agent, serve, themselves
from simctl.agents.curriculum import Syllabus
from simctl.agents.episode import Episode
from simctl.agents.evaluation import Suite
from simctl.agents.memory import SOCIETY, Memory, spent
from simctl.agents.record import Record
from simctl.agents.serving import Serving
from simctl.agents.stage import Answers, RoleFailedError, Stage
from simctl.agents.tasks.environment import Environment
from simctl.bus.asks import Role
from simctl.bus.bus import Bus
from simctl.bus.event import Draft, Event
from simctl.bus.memory import MemoryBus
from simctl.bus.messages import (
    AnyMessage,
    EpisodeEnded,
    EpisodeStarted,
    PolicyEvaluated,
    PolicyUpdated,
    RoundEnded,
    RoundStarted,
    RunResumed,
    RunStarted,
)
from simctl.bus.quiescence import Quiescence
from simctl.bus.values import Value


class Rounds(Value):
    """How long a society runs, and how much happens in a round."""

    rounds: int = Field(default=100, ge=0, description="rounds to play")
    episodes: int = Field(default=32, ge=1, description="concurrent episodes in a round")
    max_tokens: int | None = Field(
        default=None,
        ge=1,
        description="end the run after the round that reaches this many tokens, sampled or scored "
        "again by a teacher",
    )
    eval_every: int = Field(default=5, ge=1, description="rounds between two evaluations")


@dataclass(frozen=True)
class Plan:
    """What is played: the parts that a recipe chose."""

    episode: Episode
    environment: Environment
    rounds: Rounds
    suites: tuple[Suite, ...]
    seed: int
    learns: bool  # whether a trainer answers each round with a policy


class Roles(Protocol):
    """Whoever answers for the roles, here or elsewhere."""

    async def serve(
        self, bus: Bus, events: AsyncIterator[Event], epoch: int, history: Iterable[Event]
    ) -> None:
        """Answer on `bus` what `events` ask of the roles, until cancelled.

        `epoch` counts the processes that have played the run; what `history` has of the answers is
        not said again.
        """
        ...


@dataclass(frozen=True)
class Here:
    """Roles that are played in this process."""

    agents: Mapping[Role, Agent]

    async def serve(
        self, bus: Bus, events: AsyncIterator[Event], epoch: int, history: Iterable[Event]
    ) -> None:
        """Let the agents answer, each in its own name."""
        await serve(self.agents, bus, events, themselves(self.agents, epoch), history)


class Society:
    """Plays rounds until the plan is fulfilled."""

    def __init__(  # noqa: PLR0913 - the composition root hands over every part
        self,
        plan: Plan,
        memory: Memory,
        syllabus: Syllabus,
        *,
        bus: MemoryBus,
        quiescence: Quiescence,
        policy: Serving,
        roles: Roles,
    ) -> None:
        """Go on from `memory`, with `syllabus` as far as it has moved."""
        self._plan = plan
        self._memory = memory
        self._syllabus = syllabus
        self._bus = bus
        self._quiescence = quiescence
        self._policy = policy
        self._roles = roles
        self._record = Record(memory.history)
        self._answers = Answers(memory.history)
        self._round = memory.round
        self._pseq = memory.pseq
        self._noted: list[Draft] = []  # goes into the log with what is said next
        self._last: Event | None = None

    async def run(self, started: RunStarted) -> None:
        """Play every round that is left."""
        async with (
            self._bus.listen("roles") as asked,
            self._bus.listen("answers") as answered,
            self._bus.listen("record") as said,
            asyncio.TaskGroup() as group,
        ):
            epoch = self._memory.incarnation + 1
            served = self._roles.serve(self._bus, asked, epoch, self._memory.history)
            helpers = [
                group.create_task(self._quiescence.run()),
                group.create_task(served),
                group.create_task(self._answers.hear_all(answered)),
                group.create_task(self._record.hear_all(said)),
            ]
            if self._memory.incarnation:
                await self._resume(epoch)
            if self._round == 0:
                await self._say(started)
                await self._evaluate()
            elif not self._memory.closed:
                await self._play()  # once more, as far as it came
            while not self._is_over():
                self._next_round()
                await self._play()
            if self._round > 0:
                await self._evaluate()
            for helper in helpers:
                helper.cancel()

    def _is_over(self) -> bool:
        limit = self._plan.rounds.max_tokens
        tokens = self._memory.tokens + spent(self._record.events())
        return self._round >= self._plan.rounds.rounds or (limit is not None and tokens >= limit)

    async def _resume(self, epoch: int) -> None:
        resumed = RunResumed(incarnation=epoch)
        draft = Draft(SOCIETY, epoch, 0, resumed, SOCIETY, round=self._round)
        await self._bus.publish([draft])

    def _next_round(self) -> None:
        self._memory.close(self._record.events(), self._syllabus)
        self._record.clear()
        self._round += 1

    async def _play(self) -> None:
        """Play one round: episodes side by side, then the trainer's turn, then the sync."""
        count = self._plan.rounds.episodes
        self._note(RoundStarted(episodes=count))
        await self._say(self._syllabus.moved())
        async with asyncio.TaskGroup() as group:
            episodes = [group.create_task(self._episode(index)) for index in range(count)]
        outcomes = [episode.result().outcome for episode in episodes]
        ended = await self._say(RoundEnded(episodes=count, failed=outcomes.count("failed")))
        await self._record.until(lambda event: event.seq == ended.seq)
        if self._plan.learns:
            await self._learn()
        await self._examine()

    async def _learn(self) -> None:
        """Wait for the trainer; evaluate the policy that it starts from in the meantime."""
        due = self._round > 1 and (self._round - 1) % self._plan.rounds.eval_every == 0
        # commits wait for model calls: the trainer must have its batch before scoring begins
        await self._record.until(lambda event: event.kind == "batch_built")
        scores = await self._scores() if due else []
        update = (await self._record.until(lambda event: event.kind == "policy_updated")).message
        for score in scores:
            self._note(score)
        if isinstance(update, PolicyUpdated):
            await self._say(await self._policy.take(update))

    async def _examine(self) -> None:
        """Say how healthy the round was, and which alarms begin or are over with it.

        It is the last of a round, so that a log without it can still be played on.
        """
        watch, last = self._memory.watch, self._last
        if watch is None or last is None:
            return
        await self._record.until(lambda event: event.seq == last.seq)
        # a round that is played once more may have its final scores already
        heard = [e for e in self._record.events() if e.producer != SOCIETY or e.pseq < self._pseq]
        measured, alarms = watch.examine(heard)
        await self._say(measured, *alarms)

    async def _evaluate(self) -> None:
        scores = await self._scores()
        if scores:
            await self._say(*scores)

    async def _scores(self) -> list[PolicyEvaluated]:
        return [await self._policy.measure(suite) for suite in self._plan.suites]

    async def _episode(self, index: int) -> EpisodeEnded:
        """Play one episode; a role that fails ends it, not the round."""
        plan, name = self._plan, f"e{self._round}.{index:03d}"
        stage = Stage(self._bus, self._answers, name=name, round_=self._round, seed=plan.seed)
        start = self._syllabus.next(index, stage.dice("start"))
        stage.note(EpisodeStarted(name=plan.episode.name))
        try:
            ended = await plan.episode.play(stage, plan.environment, start)
        except RoleFailedError as error:
            ended = EpisodeEnded(outcome="failed", detail=str(error))
        await stage.end(ended)
        return ended

    def _note(self, message: AnyMessage) -> None:
        """Write a message down with what is said next."""
        self._noted.append(
            Draft(
                producer=SOCIETY,
                epoch=0,
                pseq=self._pseq,
                message=message,
                sender=SOCIETY,
                round=self._round,
                policy_version=self._policy.version,
            )
        )
        self._pseq += 1

    async def _say(self, *messages: AnyMessage) -> Event:
        """Write messages down in one commit with what was noted, and return the last event."""
        for message in messages:
            self._note(message)
        noted, self._noted = self._noted, []
        self._last = (await self._bus.publish(noted))[-1]
        return self._last
