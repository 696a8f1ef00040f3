"""The society: rounds of concurrent episodes, with a new policy between them.

A round that was broken off is played again from its start. What the log has of it is not said
twice and no answer is sampled twice, so the round ends as it would have ended.

Where rounds are played `ahead` of the trainer, round r is played with the version that round
r - 1 - ahead led to, however fast anybody is: the trainer learns from the rounds in between
meanwhile. So one seed still gives one course of events. In flight a version is taken over as soon
as it is proved, amid a round and amid its answers; a round still waits for the one that it would
have been played with.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Protocol

from pydantic import Field

from simctl.agents.agent import Agent, serve, themselves
from simctl.agents.curriculum import Syllabus
from simctl.agents.episode import Episode
from simctl.agents.evaluation import Suite
from simctl.agents.handover import Handover
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
    PlayEnded,
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
    ahead: int = 0  # rounds that are played without waiting for that answer
    rests: bool = False  # whether the policy rests while the trainer learns
    in_flight: bool = False  # whether it is taken over as soon as it comes


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
        self._offered = memory.offered
        self._handover = Handover(bus, policy, memory.offered) if plan.in_flight else None
        self._noted: list[Draft] = []  # goes into the log with what is said next
        self._scored: list[PolicyEvaluated] | None = None  # before the policy rested, if it rests
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
            if self._handover is not None:
                helpers.append(group.create_task(self._take_in_flight(self._handover)))
            if self._memory.incarnation:
                await self._resume(epoch)
            await self._begin(started)
            while not self._is_over():
                self._next_round()
                await self._play()
            if self._round > 0:
                await self._end_play()
                await self._evaluate()
            for helper in helpers:
                helper.cancel()

    async def _begin(self, started: RunStarted) -> None:
        """Begin the run, or end the round that was begun last."""
        if self._round == 0:
            await self._say(started)
            await self._evaluate()
        elif not self._memory.closed:
            await self._play()  # once more, as far as it came
        elif self._handover is not None:
            await self._handover.until(self._round - self._plan.ahead)
        elif self._plan.learns:
            await self._learn()  # a fork may play less far ahead

    def _is_over(self) -> bool:
        limit = self._plan.rounds.max_tokens
        heard = (e for e in self._record.events() if self._memory.counts(e, self._round))
        tokens = self._memory.tokens + spent(heard)
        return self._round >= self._plan.rounds.rounds or (limit is not None and tokens >= limit)

    async def _resume(self, epoch: int) -> None:
        resumed = RunResumed(incarnation=epoch)
        draft = Draft(SOCIETY, epoch, 0, resumed, SOCIETY, round=self._round)
        await self._bus.publish([draft])

    def _next_round(self) -> None:
        rest = self._memory.close(self._record.events(), self._syllabus, self._round)
        self._record.begin(rest)
        self._round += 1

    async def _play(self) -> None:
        """Play one round: episodes side by side, then the trainer's turn, then the sync."""
        count = self._plan.rounds.episodes
        self._note(RoundStarted(episodes=count))
        await self._say(self._syllabus.moved())
        async with asyncio.TaskGroup() as group:
            episodes = [group.create_task(self._episode(index)) for index in range(count)]
        outcomes = [episode.result().outcome for episode in episodes]
        await self._rest()
        ended = await self._say(RoundEnded(episodes=count, failed=outcomes.count("failed")))
        await self._record.until(lambda event: event.seq == ended.seq)
        if self._handover is not None:
            await self._keep_up(self._handover)
        elif self._plan.learns:
            await self._learn()
        await self._examine()

    async def _learn(self) -> None:
        """Wait for the policy of the next round; evaluate the one that serves in the meantime."""
        ahead, wanted = self._plan.ahead, self._round - self._plan.ahead
        if wanted <= self._offered:
            return
        scores, self._scored = self._scored, None
        if scores is None:
            # commits wait for model calls: before scoring begins the trainer must have its batch,
            # or have said all that is due, or it could not learn from this round meanwhile
            await self._record.until(_about(wanted, "policy_updated" if ahead else "batch_built"))
            scores = await self._due(wanted)
        update = await self._record.until(_about(wanted, "policy_updated"))
        for score in scores:
            self._note(score)
        await self._take(update)

    async def _rest(self) -> None:
        """Let the policy rest before the trainer hears that it may learn: both want one memory."""
        if self._plan.rests:
            self._scored = await self._due(self._round)
            await self._policy.rest()

    async def _due(self, wanted: int) -> list[PolicyEvaluated]:
        """Evaluate the version before `wanted`, if it is its turn."""
        due = wanted > 1 and (wanted - 1) % self._plan.rounds.eval_every == 0
        return await self._scores() if due else []

    async def _take_in_flight(self, handover: Handover) -> None:
        async with self._bus.listen("handover") as announced:
            await handover.run(self._memory.untaken, announced)

    async def _keep_up(self, handover: Handover) -> None:
        """Wait for the version that is due, if it did not come in flight, and evaluate in time."""
        self._offered = due = self._round - self._plan.ahead
        if due > 0:
            await self._record.until(_about(due, "policy_updated"))
            await handover.until(due)
        if self._round % self._plan.rounds.eval_every == 0 and not self._is_over():
            await self._evaluate()

    async def _end_play(self) -> None:
        """Let the trainer learn from the rounds that were played ahead of it."""
        if self._handover is not None:
            await self._say(PlayEnded(rounds=self._round))
            await self._handover.until(self._round)
        elif self._plan.learns and self._offered < self._round:
            await self._say(PlayEnded(rounds=self._round))
            await self._take(await self._record.until(_about(self._round, "policy_updated")))

    async def _take(self, update: Event) -> None:
        if isinstance(update.message, PolicyUpdated):
            await self._say(await self._policy.take(update.message))
        self._offered = update.round

    async def _examine(self) -> None:
        """Say how healthy the round was, and which alarms begin or are over with it.

        It is the last of a round, so that a log without it can still be played on.
        """
        watch, last = self._memory.watch, self._last
        if watch is None or last is None:
            return
        await self._record.until(lambda event: event.seq == last.seq)
        # a round that is played once more may have its final scores already, and later versions
        heard = [
            e
            for e in self._record.events()
            if (e.producer != SOCIETY or e.pseq < self._pseq)
            and (e.kind != "policy_updated" or e.round <= self._offered)
        ]
        measured, alarms = watch.examine(heard)
        await self._say(measured, *alarms)

    async def _evaluate(self) -> None:
        scores = await self._scores()
        if scores:
            await self._say(*scores)

    async def _scores(self) -> list[PolicyEvaluated]:
        async with nullcontext() if self._handover is None else self._handover.still:
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


def _about(version: int, kind: str) -> Callable[[Event], bool]:
    """Return what matches the trainer's word of that kind on a version."""
    return lambda event: event.kind == kind and event.round == version
