"""A worker: plays roles of a run that another process owns, with a copy of its policy.

Whatever it says goes through its place at the run, numbered as of one producer. It serves a policy
version only after the log-probabilities of it were compared with the trainer's.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from simctl.agents.agent import Agent, Producer, serve
from simctl.agents.policy.sampler import ServingSampler
from simctl.agents.policy.sync import sync
from simctl.agents.supply import Supply
from simctl.agents.tray import Tray
from simctl.bus.asks import Role
from simctl.bus.event import Draft, Event
from simctl.bus.messages import AnyMessage
from simctl.bus.parcels import Serve
from simctl.bus.workers import WorkerSynced
from simctl.store.policies import PolicyError, PolicyStore


class Place(Protocol):
    """A worker's place at a run."""

    version: int | None

    async def publish(self, drafts: Sequence[Draft]) -> list[Event]:
        """Append the drafts to the run's log."""
        ...


Load = Callable[[PolicyStore, int], ServingSampler]
Cast = Callable[[ServingSampler], Mapping[Role, Agent]]


class Worker:
    """Answers what is in its tray, and serves what it is told to serve."""

    def __init__(  # noqa: PLR0913 - the composition root hands over every part
        self,
        place: Place,
        producer: Producer,
        tray: Tray,
        supply: Supply,
        wanted: asyncio.Queue[Serve],
        *,
        load: Load,
        cast: Cast,
    ) -> None:
        """Speak at `place` as `producer`; `wanted` tells what to serve.

        `load` makes a sampler of the first version, and `cast` the roles that speak with it.
        """
        self._place = place
        self._producer = producer
        self._tray = tray
        self._supply = supply
        self._load = load
        self._cast = cast
        self._wanted = wanted

    async def run(self) -> None:
        """Work until cancelled.

        Raises:
            ValueError: there is no policy that could be served to begin with.
        """
        sampler = await self._begin()
        agents = self._cast(sampler)
        producers = dict.fromkeys(agents, self._producer)
        async with asyncio.TaskGroup() as group:
            group.create_task(serve(agents, self, self._tray.asks(), producers))
            while True:
                await self._sync(sampler, await self._newest())

    async def publish(self, drafts: Sequence[Draft]) -> list[Event]:
        """Append the answers to an ask to the run's log."""
        events = await self._place.publish(drafts)
        for asked in {draft.cause for draft in drafts}:
            self._tray.answered(asked or 0)
        return events

    async def _begin(self) -> ServingSampler:
        """Load the first version that can be had."""
        while True:
            wanted = await self._newest()
            try:
                policies = await self._supply.get(wanted)
                sampler = self._load(policies, wanted.update.version)
            except (PolicyError, OSError) as error:
                await self._say(self._synced(wanted, ok=False, reason=str(error)))
            else:
                await self._sync(sampler, wanted)
                return sampler

    async def _newest(self) -> Serve:
        wanted = await self._wanted.get()
        while not self._wanted.empty():
            wanted = self._wanted.get_nowait()
        return wanted

    async def _sync(self, sampler: ServingSampler, wanted: Serve) -> None:
        try:
            policies = await self._supply.get(wanted)
        except (PolicyError, OSError) as error:
            await self._say(self._synced(wanted, ok=False, reason=str(error)))
            return
        found = await asyncio.to_thread(sync, sampler, wanted.update, policies)
        await self._say(self._synced(wanted, ok=found.ok, delta=found.delta, reason=found.reason))
        self._place.version = sampler.version

    def _synced(
        self, wanted: Serve, *, ok: bool, delta: float | None = None, reason: str = ""
    ) -> WorkerSynced:
        return WorkerSynced(
            worker=self._producer.name,
            version=wanted.update.version,
            ok=ok,
            delta=delta,
            reason=reason,
        )

    async def _say(self, message: AnyMessage) -> None:
        producer = self._producer
        await self._place.publish(
            [Draft(producer.name, producer.epoch, producer.number(), message, producer.name)]
        )
